"""The load generator of transfers: one coin from one of many accounts to another, so many at a time per connection.

It speaks to the game server by its own protocol, and to the plain server by HTTP, at the same cost: requests are made
before the run, what comes in one read is answered by one write, and it wakes once a millisecond. Who is given something
acknowledges it as the client library does: all that came in a while together. It is told what to do in one
JSON document on its standard input and says ``ready``, ``begin`` and ``end`` in lines on its standard output, then what
it saw.
"""

import gc
import random
import resource
import select
import socket
import sys
import time
from bisect import bisect_left
from collections import Counter, deque
from contextlib import suppress
from itertools import accumulate
from typing import Any, Literal

import msgspec

from gameserver.client.limits import ClientLimits
from gameserver.wire.frames import prefix

CLIENT = ClientLimits()
PAUSE_S = 0.001
RECEIVE_BYTES = 2**18
ENTRANCE_SEQ = 1
CHOICES = 2**18  # receivers drawn before the run
SEQ_DIGITS = 2**60
ENDLESS_S = -1.0
OK, ERROR, RECEIVED = ord("o"), ord("e"), ord("r")
SEQ64 = 0xCF  # MessagePack's mark of a number of eight bytes
ANSWER_END = b"}\n"  # of each of the plain server's answers


class Plan(msgspec.Struct, kw_only=True):
    """What to do. ``givers``: accounts, one for each connection, with their ``secrets``.

    ``receivers``: who may be given to. ``zipf``: the exponent of how often each of these is chosen, 0 for all alike.
    ``in_flight``: of each connection; ``rate``: transfers a second in all instead of that, whatever is answered.
    ``drain_s``: how long the last answers and notices are waited for.
    """

    speaks: Literal["game", "http"]
    address: tuple[str, int]
    givers: list[str]
    secrets: list[str] = []
    receivers: list[str]
    zipf: float = 0.0
    in_flight: int = 5
    rate: float = 0.0
    seed: int = 1
    warm_s: float = 3.0
    seconds: float = 20.0
    drain_s: float = 10.0
    enter_s_max: float = 60.0


class Report(msgspec.Struct, kw_only=True):
    """What came of a run.

    ``took_us``: of each transfer that was asked for in the window, microseconds, -1 unanswered; ``done``: how many were
    done in the window, ``refused``: how many were not, by code. Of the whole run: ``given`` and ``taken``: coins by
    account, by what was answered ``ok``; ``told``: coins by account, by what notices said; ``unanswered``.
    """

    took_us: list[int]
    done: int
    refused: dict[str, int]
    given: dict[str, int]
    taken: dict[str, int]
    told: dict[str, int]
    notices: int
    unanswered: int
    lost: int
    cpu_s: float
    seconds: float


class Received(msgspec.Struct):
    """The notice of a gift. Fields that are not looked at are passed over."""

    id: str
    coins: int


_decode = msgspec.msgpack.Decoder(Received).decode
_refusal = msgspec.msgpack.Decoder(dict[str, Any]).decode


class Client:
    """One connection. ``pending``: numbers of what it has asked for and has no answer to, in order."""

    __slots__ = ("acks", "connection", "name", "pending", "rest", "seen", "told")

    def __init__(self, name: str, connection: socket.socket) -> None:
        self.name = name
        self.connection = connection
        self.rest = b""
        self.pending: deque[int] = deque()
        self.acks: list[str] = []
        self.seen: set[str] = set()
        self.told = 0


class Receivers:
    """Who is given to, drawn beforehand."""

    def __init__(self, names: list[str], zipf: float, rng: random.Random) -> None:
        weights = list(accumulate(1 / (n + 1) ** zipf for n in range(len(names))))
        self.drawn = [bisect_left(weights, rng.random() * weights[-1]) for _ in range(CHOICES)]
        self.names = names
        self._next = 0

    def other_than(self, name: str) -> int:
        """Draw one who is not the giver."""
        while True:
            self._next = (self._next + 1) % CHOICES
            n = self.drawn[self._next]
            if self.names[n] != name:
                return n


class Run:
    """All connections."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.speech: Game | Http = Game(self) if plan.speaks == "game" else Http(self)
        self.receivers = Receivers(plan.receivers, plan.zipf, random.Random(plan.seed))
        self.poll = select.epoll()
        self.clients: dict[int, Client] = {}
        self.list: list[Client] = []
        self.buffer = bytearray(RECEIVE_BYTES)
        self.lost = self.unanswered = 0
        self.asking = self.begun = False
        self.entered = 0
        self.next = 0
        # By a transfer's number.
        self.sent_s: list[float] = []
        self.took_s: list[float] = []
        self.whose: list[str] = []
        self.whom: list[int] = []
        self.good = bytearray()
        self.codes: list[tuple[float, str]] = []

    def run(self) -> Report:
        """Do all of it."""
        plan = self.plan
        for n, name in enumerate(plan.givers):
            self._connect(name, n)
        self._until(lambda: self.entered == len(plan.givers), plan.enter_s_max)
        if self.entered < len(plan.givers):
            raise SystemExit(f"{len(plan.givers) - self.entered} clients could not enter; {self.codes[:3]}")
        _say("ready")
        self._begin()
        self._for(plan.warm_s)
        began_s, before_s = time.perf_counter(), _cpu_s()
        _say("begin")
        self._for(plan.seconds)
        end_s, cpu_s = time.perf_counter(), _cpu_s() - before_s
        _say("end")
        self.asking = False
        self._until(lambda: not self.unanswered, plan.drain_s)
        self._until(self.speech.all_told, plan.drain_s)
        return self._report(began_s, end_s, cpu_s)

    def _begin(self) -> None:
        self.asking = self.begun = True
        if not self.plan.rate:
            for client in self.list:
                self.ask(client, self.plan.in_flight)

    def _report(self, began_s: float, end_s: float, cpu_s: float) -> Report:
        mine = [n for n, at_s in enumerate(self.sent_s) if began_s <= at_s < end_s]
        ended = [(n, at_s + took_s) for n, (at_s, took_s) in enumerate(zip(self.sent_s, self.took_s, strict=True))]
        given = Counter(self.whose[n] for n, _ in ended if self.good[n])
        taken = Counter(self.receivers.names[self.whom[n]] for n, _ in ended if self.good[n])
        return Report(
            took_us=[int(self.took_s[n] * 1e6) if self.took_s[n] >= 0 else -1 for n in mine],
            done=sum(began_s <= at_s < end_s for n, at_s in ended if self.good[n]),
            refused=dict(Counter(code for at_s, code in self.codes if began_s <= at_s < end_s)),
            given=dict(given),
            taken=dict(taken),
            told={client.name: client.told for client in self.list},
            notices=sum(len(client.seen) for client in self.list),
            unanswered=self.unanswered,
            lost=self.lost,
            cpu_s=cpu_s,
            seconds=end_s - began_s,
        )

    def _for(self, seconds: float) -> None:
        self._until(lambda: False, seconds)

    def _until(self, done: Any, s_max: float) -> None:
        began_s = time.perf_counter()
        asked = 0
        while (now_s := time.perf_counter()) < began_s + s_max and not done():
            if self.asking and self.plan.rate:
                due = int((now_s - began_s) * self.plan.rate)
                self._ask_in_turns(due - asked)
                asked = due
            self.speech.acknowledge(now_s)
            for fd, _ in self.poll.poll(0, 20_000):
                self._receive(self.clients[fd])
            time.sleep(PAUSE_S)

    def _ask_in_turns(self, due: int) -> None:
        for _ in range(due):
            self.ask(self.list[self.next], 1)
            self.next = (self.next + 1) % len(self.list)

    def _connect(self, name: str, n: int) -> None:
        connection = socket.create_connection(self.plan.address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        client = self.clients[connection.fileno()] = Client(name, connection)
        self.list.append(client)
        self.poll.register(connection, select.EPOLLIN)
        self.speech.enter(client, n)

    # Asking and hearing.

    def ask(self, client: Client, count: int) -> None:
        """Ask for so many transfers in one write."""
        requests = []
        for _ in range(count):
            whom = self.receivers.other_than(client.name)
            requests.append(self.speech.request(client.name, whom, len(self.sent_s)))
            client.pending.append(len(self.sent_s))
            self.sent_s.append(time.perf_counter())
            self.took_s.append(ENDLESS_S)
            self.whose.append(client.name)
            self.whom.append(whom)
            self.good.append(False)
        self.unanswered += count
        self.write(client, b"".join(requests))

    def write(self, client: Client, data: bytes) -> None:
        """Send it; what the kernel does not take is waited for."""
        try:
            while data:
                data = data[client.connection.send(data) :]
                if data:
                    select.select([], [client.connection], [], 1.0)
        except OSError:
            self._gone(client)

    def answered(self, n: int, now_s: float, code: str = "") -> None:
        """A transfer was done, or refused with a code."""
        if self.took_s[n] < 0:
            self.took_s[n] = now_s - self.sent_s[n]
            self.unanswered -= 1
            self.good[n] = not code
            if code:
                self.codes.append((now_s, code))

    def _receive(self, client: Client) -> None:
        try:
            size = client.connection.recv_into(self.buffer)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size:
            self._gone(client)
            return
        data = client.rest + self.buffer[:size]
        count, walked = self.speech.hear(client, data)
        client.rest = bytes(data[walked:])
        if count and self.asking and not self.plan.rate:
            self.ask(client, count)

    def _gone(self, client: Client) -> None:
        self.lost += 1
        with suppress(OSError, KeyError):
            self.poll.unregister(client.connection)
        client.connection.close()


class Game:
    """The game server's protocol."""

    def __init__(self, run: Run) -> None:
        self.run = run
        give = {"type": "give", "coins": 1}
        self.heads = [_head({**give, "to": name}) for name in run.plan.receivers]
        self.seqs: dict[int, int] = {}  # a transfer's number by that of its packet
        self.seq = time.time_ns() // 1000  # above all that an earlier run sent
        self.ack_due_s = 0.0
        self.acking: list[Client] = []

    def enter(self, client: Client, n: int) -> None:
        """Say who this is."""
        hello = {"type": "hello", "protocol": 1}
        resume = {"type": "resume", "seq": ENTRANCE_SEQ, "sent": 0, "token": self.run.plan.secrets[n]}
        self.run.write(client, b"".join(prefix(msgspec.msgpack.encode(packet)) for packet in (hello, resume)))

    def request(self, giver: str, whom: int, n: int) -> bytes:
        """A transfer's packet."""
        self.seq += 1
        self.seqs[self.seq] = n
        return self.heads[whom] + self.seq.to_bytes(8)

    def hear(self, client: Client, data: bytes) -> tuple[int, int]:
        """Take whole frames. Gives how many transfers were answered, and where the rest begins.

        A frame is four bytes of length, a map's mark, "type", and then the type: its first letter is the twelfth byte.
        """
        now_s = time.perf_counter()
        size, count, at, next_ = len(data), 0, 0, 4
        while next_ <= size and (next_ := next_ + int.from_bytes(data[at : at + 4])) <= size:
            kind = data[at + 11]
            if kind == OK:
                count += self._reply(data, at, now_s)
            elif kind == RECEIVED:
                self._told(client, _decode(data[at + 4 : next_]))
            elif kind == ERROR:
                count += self._refused(_refusal(data[at + 4 : next_]), now_s)
            at, next_ = next_, next_ + 4
        return count, at

    def _reply(self, data: bytes, at: int, now_s: float) -> int:
        """After "type" and "ok" stand "re" and its number: eight bytes for what was sent here, one for an entrance."""
        if data[at + 16] != SEQ64:
            self.run.entered += 1
            return 0
        n = self.seqs.pop(int.from_bytes(data[at + 17 : at + 25]), None)
        if n is None:  # an acknowledgement's
            return 0
        self.run.answered(n, now_s)
        return 1

    def _refused(self, packet: dict[str, Any], now_s: float) -> int:
        n = self.seqs.pop(packet.get("re", 0), None)
        if n is None:
            self.run.codes.append((now_s, f"other: {packet['code']}"))
            return 0
        self.run.answered(n, now_s, packet["code"])
        return 1

    # What was received is acknowledged.

    def _told(self, client: Client, gift: Received) -> None:
        if gift.id not in client.seen:
            client.seen.add(gift.id)
            client.told += gift.coins if self.run.begun else 0  # what an earlier run gave is told who comes back
        if not client.acks:
            self.acking.append(client)
        client.acks.append(gift.id)

    def acknowledge(self, now_s: float) -> None:
        """Acknowledge what came since a while ago."""
        if now_s < self.ack_due_s or not self.acking:
            return
        self.ack_due_s = now_s + CLIENT.ack_delay_s
        acking, self.acking = self.acking, []
        for client in acking:
            ids, client.acks = client.acks, []
            for n in range(0, len(ids), CLIENT.ack_ids_max):
                self._acknowledge(client, ids[n : n + CLIENT.ack_ids_max])

    def _acknowledge(self, client: Client, ids: list[str]) -> None:
        self.seq += 1
        self.run.write(client, prefix(msgspec.msgpack.encode({"type": "ack", "ids": ids, "seq": self.seq})))

    def all_told(self) -> bool:
        """Whether all that was given to those who are connected was heard of."""
        run = self.run
        names = run.receivers.names
        taken = Counter(names[whom] for n, whom in enumerate(run.whom) if run.good[n])
        return not self.acking and all(client.told >= taken[client.name] for client in run.list)


class Http:
    """The plain server's: a POST for each transfer, one after the other without waiting, answers in order."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def enter(self, client: Client, n: int) -> None:
        """Nobody is asked who it is."""
        self.run.entered += 1

    def request(self, giver: str, whom: int, n: int) -> bytes:
        """A transfer's request."""
        body = f'{{"from":"{giver}","to":"{self.run.plan.receivers[whom]}","coins":1}}'
        return f"POST /transfer HTTP/1.1\r\nHost: plain\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    def hear(self, client: Client, data: bytes) -> tuple[int, int]:
        """Take whole answers."""
        now_s = time.perf_counter()
        count = data.count(ANSWER_END)
        end = data.rfind(ANSWER_END) + len(ANSWER_END) if count else 0
        codes = self._codes(data[:end]) if b'"error"' in data else [""] * count
        for code in codes:
            self.run.answered(client.pending.popleft(), now_s, code)
        return count, end

    def _codes(self, data: bytes) -> list[str]:
        bodies = [answer[answer.rindex(b"{") :] + b"}" for answer in data.split(ANSWER_END)[:-1]]
        return [msgspec.json.decode(body).get("error", "") for body in bodies]

    def acknowledge(self, now_s: float) -> None:
        """There are no notices."""

    def all_told(self) -> bool:
        """There are none."""
        return True


def _head(packet: dict[str, Any]) -> bytes:
    """A frame without its last eight bytes, which are its number's."""
    return prefix(msgspec.msgpack.encode({**packet, "seq": SEQ_DIGITS}))[:-8]


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the plan, carry it out, print the report."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    run = Run(plan)
    gc.disable()  # nothing here makes cycles
    report = run.run()
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
