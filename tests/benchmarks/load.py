"""The load generator: many clients in one process that must cost little, since it runs beside what it measures.

Frames are made before the run, and only their last eight bytes (``seq``) change; what comes back is walked from frame
to frame, looking at two bytes of each. It wakes once a millisecond and takes whatever is there. It is told what to do
in one JSON document on its standard input and says ``ready``, ``begin`` and ``end`` in lines on its standard output,
then what it saw. Sends are on a fixed schedule, whatever is answered, so that a slow server gets no rest.
"""

import gc
import heapq
import os
import random
import resource
import select
import socket
import sys
import time
from contextlib import suppress
from typing import Any

import msgspec

from gameserver.wire.frames import LENGTH, prefix
from tests.benchmarks.sights import Sights

PAUSE_S = 0.001
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: gameserver.msgpack\r\n\r\n"
)
END = b"\r\n\r\n"
PING = prefix(msgspec.msgpack.encode({"type": "ping"}))
RECEIVE_BYTES = 2**18
OK, ERROR = ord("o"), ord("e")
UNANSWERED_US = -1
ENTRANCE_SEQ = 1
SEQ64 = 0xCF  # MessagePack's mark of a number of eight bytes


class Group(msgspec.Struct, kw_only=True):
    """Clients that do the same. ``rate``: packets per second each; ``packets``: what they send, in turns, after
    ``first``, which they send when they are in.

    ``names`` enter by ``enter``: "resume" with a token, "register" or "login" with a password; ``secrets`` are those.
    ``late``: they come when the window begins. ``at_once``: how many may be entering at a time. ``by_place``: who
    enters at x begins with packet x (so that who walks to and fro stays there). ``refusals_count``: a refusal by the
    rules is an answer too (the world has walls). ``watched``: crowds of whom it is also measured when
    they see each other's moves.
    """

    name: str
    names: list[str]
    secrets: list[str]
    enter: str = "resume"
    rate: float = 1.0
    first: list[dict[str, Any]] = []
    packets: list[dict[str, Any]] = []
    by_place: bool = False
    ping_s: float = 0.0
    late: bool = False
    at_once: int = 100
    refusals_count: bool = False
    watched: list[list[str]] = []


class Plan(msgspec.Struct, kw_only=True):
    """What to do: enter, play for ``warm_s``, then for ``seconds`` (the window), then wait ``drain_s`` for answers.

    ``at``: which of the addresses is whose; the others take them in turns.
    ``websocket``: come in over WebSockets, each packet in MessagePack a message.
    """

    addresses: list[tuple[str, int]]
    groups: list[Group]
    at: dict[str, int] = {}
    seed: int = 1
    warm_s: float = 2.0
    seconds: float = 20.0
    drain_s: float = 1.0
    enter_s_max: float = 120.0
    websocket: bool = False


class Seen(msgspec.Struct, kw_only=True):
    """What became of a group: per packet of the window when it was sent (ms after its beginning) and the reply's time.

    ``took_us``: microseconds, -1 unanswered. ``entered_us``: how long each entrance took, ``entered_ms``: when it was
    done. ``sights``: for each move and other client when it was sent and how old it was when seen; see ``sights``.
    """

    name: str
    sent_ms: list[int]
    took_us: list[int]
    entered_us: list[int]
    entered_ms: list[int]
    refused: dict[str, int]
    sights: list[tuple[int, int]] = []


class Report(msgspec.Struct, kw_only=True):
    """What came of a run. ``packets``: what came in the window, by the first letter of the type. ``late_us``: by how
    much the generator itself was late to send, the 50th and the 99th of 100.
    """

    groups: list[Seen]
    packets: dict[str, int]
    received_bytes: int
    receives: int
    cpu_s: float
    seconds: float
    late_us: tuple[int, int]
    lost: int


class Client:
    """One connection."""

    __slots__ = ("asked_s", "connection", "entered_s", "group", "name", "next", "rest", "secret", "sights", "upgraded")

    def __init__(self, group: "Crew", name: str, secret: str) -> None:
        self.group = group
        self.name = name
        self.secret = secret
        self.sights = group.sights if name in group.sights else None
        self.next = 0
        self.rest = b""
        self.upgraded = False  # whether the answer to a WebSocket's handshake has come
        self.connection: socket.socket
        self.asked_s = 0.0
        self.entered_s = 0.0


class Crew:
    """A group at work."""

    def __init__(self, group: Group, rng: random.Random) -> None:
        self.group = group
        local = set(group.names)  # a generator knows its own clients only
        self.sights = Sights([[name for name in crowd if name in local] for crowd in group.watched])
        self.clients = [Client(self, *each) for each in zip(group.names, group.secrets, strict=True)]
        self.first = [_head(packet) for packet in group.first]
        self.heads = [_head(packet) for packet in group.packets]
        self.refused: dict[str, int] = {}
        self.outside = list(reversed(self.clients))
        self.entering = 0
        self.playing: list[Client] = []
        self.rng = rng

    def entrance(self, client: Client) -> bytes:
        """What a client says first."""
        resumes = self.group.enter == "resume"
        secret, named = ("token", {"sent": 0}) if resumes else ("password", {"name": client.name})
        hello = {"type": "hello", "protocol": 1}
        enter = {"type": self.group.enter, "seq": ENTRANCE_SEQ, **named, secret: client.secret}
        return b"".join(prefix(msgspec.msgpack.encode(packet)) for packet in (hello, enter))


class Run:
    """All clients of one process."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = random.Random(plan.seed)
        self.crews = [Crew(group, self.rng) for group in plan.groups]
        self.poll = select.epoll()
        self.by_fd: dict[int, Client] = {}
        self.buffer = bytearray(RECEIVE_BYTES)
        self.kinds = [0] * 256
        self.received_bytes = self.receives = self.lost = 0
        self.base = self.seq = time.time_ns() // 1000  # above all that an earlier run sent
        self.sent_s: list[float] = []
        self.took_s: list[float] = []
        self.crew_of: list[Crew] = []
        self.late_s: list[float] = []
        self.due: list[tuple[float, int, Client]] = []  # what is to be sent, a heap
        self.pings: list[tuple[float, int, Client]] = []
        self.window = (float("inf"), float("inf"))

    def run(self) -> Report:
        """Do all of it."""
        early = [crew for crew in self.crews if not crew.group.late]
        self._until(lambda: all(len(c.playing) == len(c.clients) for c in early), self.plan.enter_s_max, early)
        short = sum(len(c.clients) - len(c.playing) for c in early)
        if short:
            raise SystemExit(f"{short} clients could not enter: {[c.refused for c in early]}, {self.lost} lost")
        _say("ready")
        self._for(self.plan.warm_s, early)
        began_s = time.perf_counter()
        self.window = (began_s, began_s + self.plan.seconds)
        self.kinds = [0] * 256
        self.received_bytes = self.receives = 0
        self.late_s = []
        for crew in self.crews:
            crew.refused.clear()
        before_s = _cpu_s()
        _say("begin")
        self._for(self.plan.seconds, self.crews)
        seconds = time.perf_counter() - began_s
        cpu_s, kinds, received = _cpu_s() - before_s, list(self.kinds), (self.received_bytes, self.receives)
        _say("end")
        self._for(self.plan.drain_s, self.crews)
        return self._report(seconds, cpu_s, kinds, received)

    def _report(self, seconds: float, cpu_s: float, kinds: list[int], received: tuple[int, int]) -> Report:
        late = sorted(self.late_s) or [0.0]
        return Report(
            groups=[self._seen(crew) for crew in self.crews],
            packets={chr(kind): count for kind, count in enumerate(kinds) if count},
            received_bytes=received[0],
            receives=received[1],
            cpu_s=cpu_s,
            seconds=seconds,
            late_us=(int(late[len(late) // 2] * 1e6), int(late[len(late) * 99 // 100] * 1e6)),
            lost=self.lost,
        )

    def _seen(self, crew: Crew) -> Seen:
        begin, end = self.window
        mine = [n for n, of in enumerate(self.crew_of) if of is crew and begin <= self.sent_s[n] < end]
        return Seen(
            name=crew.group.name,
            sent_ms=[int((self.sent_s[n] - begin) * 1e3) for n in mine],
            took_us=[int(self.took_s[n] * 1e6) if self.took_s[n] >= 0 else UNANSWERED_US for n in mine],
            entered_us=[_entrance_us(client) for client in crew.clients if client.asked_s],
            entered_ms=[int((client.entered_s - begin) * 1e3) for client in crew.playing],
            refused=crew.refused,
            sights=crew.sights.ages(begin, end),
        )

    def _for(self, seconds: float, crews: list[Crew]) -> None:
        self._until(lambda: False, seconds, crews)

    def _until(self, done: Any, s_max: float, crews: list[Crew]) -> None:
        end_s = time.perf_counter() + s_max
        waiting = [crew for crew in crews if crew.outside]
        while (now_s := time.perf_counter()) < end_s and not done():
            for crew in waiting:
                self._let_in(crew)
            self._send_due(now_s)
            self._receive()
            time.sleep(PAUSE_S)

    # Coming in.

    def _let_in(self, crew: Crew) -> None:
        for _ in range(min(len(crew.outside), crew.group.at_once - crew.entering, 20)):
            self._connect(crew, crew.outside.pop())
            crew.entering += 1

    def _connect(self, crew: Crew, client: Client) -> None:
        connection = client.connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        client.asked_s = time.perf_counter()
        at = self.plan.at.get(client.name, len(self.by_fd))
        connection.connect_ex(self.plan.addresses[at % len(self.plan.addresses)])
        self.by_fd[connection.fileno()] = client
        self.poll.register(connection, select.EPOLLOUT)

    def _connected(self, client: Client) -> None:
        """Said by the kernel, perhaps a second later: a server whose doors are crowded lets one try again."""
        self.poll.modify(client.connection, select.EPOLLIN)
        if self.plan.websocket:
            with suppress(OSError):
                client.connection.send(UPGRADE)
        self._write(client, client.group.entrance(client))

    def _entered(self, client: Client, now_s: float) -> None:
        crew = client.group
        client.entered_s = now_s
        crew.entering -= 1
        crew.playing.append(client)
        for head in crew.first:
            self._send(client, head, now_s)
        if crew.heads and crew.group.rate:
            first_s = now_s + self.rng.random() / crew.group.rate
            heapq.heappush(self.due, (first_s, id(client), client))
        if crew.group.ping_s:
            heapq.heappush(self.pings, (now_s + self.rng.random() * crew.group.ping_s, id(client), client))

    # Playing.

    def _send_due(self, now_s: float) -> None:
        due = self.due
        while due and due[0][0] <= now_s:
            due_s, id_, client = due[0]
            crew = client.group
            heapq.heapreplace(due, (due_s + 1 / crew.group.rate, id_, client))
            self._send(client, crew.heads[client.next], due_s)
            client.next = (client.next + 1) % len(crew.heads)
        while self.pings and self.pings[0][0] <= now_s:
            due_s, id_, client = self.pings[0]
            heapq.heapreplace(self.pings, (due_s + client.group.group.ping_s, id_, client))
            self._write(client, PING)

    def _send(self, client: Client, head: bytes, due_s: float) -> None:
        frame = head + self.seq.to_bytes(8)
        sent_s = time.perf_counter()
        self.late_s.append(sent_s - due_s)
        self.sent_s.append(sent_s)
        self.took_s.append(-1.0)
        self.crew_of.append(client.group)
        if client.sights is not None:
            client.sights.sends(client.name, self.seq, sent_s)
        self.seq += 1
        self._write(client, frame)

    def _write(self, client: Client, frames: bytes) -> None:
        with suppress(OSError):  # full, or closed: the packet counts as unanswered
            client.connection.send(as_messages(frames) if self.plan.websocket else frames)

    def _receive(self) -> None:
        for fd, what in self.poll.poll(0, 20_000):
            client = self.by_fd[fd]
            if what == select.EPOLLOUT:
                self._connected(client)
                continue
            try:
                size = client.connection.recv_into(self.buffer)
            except BlockingIOError:
                continue
            except OSError:
                size = 0
            if not size:
                self._gone(client)
                continue
            self.receives += 1
            self.received_bytes += size
            if self.plan.websocket:
                self._receive_messages(client, client.rest + self.buffer[:size])
                continue
            if client.rest:
                data = client.rest + self.buffer[:size]
                walked = self._walk(client, data, len(data))
                client.rest = bytes(data[walked:])
            else:
                data, walked = self.buffer, self._walk(client, self.buffer, size)
                if walked < size:
                    client.rest = bytes(self.buffer[walked:size])
            if client.sights is not None:
                client.sights.receives(client.name, time.perf_counter(), bytes(data[:walked]))

    def _receive_messages(self, client: Client, data: bytes) -> None:
        """The same of a WebSocket: its messages are walked as if they had come over TCP."""
        if not client.upgraded:
            head, end, data = data.partition(END)
            if not end:
                client.rest = head
                return
            client.upgraded = True
        frames, client.rest = from_messages(data)
        self._walk(client, frames, len(frames))
        if client.sights is not None:
            client.sights.receives(client.name, time.perf_counter(), frames)

    def _gone(self, client: Client) -> None:
        self.lost += 1
        self.poll.unregister(client.connection)
        del self.by_fd[client.connection.fileno()]
        client.connection.close()
        self.due = [each for each in self.due if each[2] is not client]
        self.pings = [each for each in self.pings if each[2] is not client]
        heapq.heapify(self.due)
        heapq.heapify(self.pings)

    def _walk(self, client: Client, data: bytes | bytearray, size: int) -> int:
        """Count whole frames by the first letter of their type; look closer at replies. Gives where the rest begins.

        A frame is four bytes of length, a map's mark, "type", and then the type: its first letter is the twelfth byte.
        """
        kinds = self.kinds
        at, next_ = 0, 4
        while next_ <= size and (next_ := next_ + int.from_bytes(data[at : at + 4])) <= size:
            kind = data[at + 11]
            kinds[kind] += 1
            if kind == OK:
                self._reply(client, data, at, next_)
            elif kind == ERROR:
                self._refusal(client, bytes(data[at + 4 : next_]))
            at, next_ = next_, next_ + 4
        return at

    def _reply(self, client: Client, data: bytes | bytearray, at: int, end: int) -> None:
        """After "type" and "ok" stand "re" and its number: eight bytes for what was sent here, one for an entrance."""
        now_s = time.perf_counter()
        if data[at + 16] == SEQ64:
            n = int.from_bytes(data[at + 17 : at + 25]) - self.base
            if n >= 0:  # otherwise to what an earlier run sent, from a server that had fallen far behind
                self.took_s[n] = now_s - self.sent_s[n]
        elif not client.entered_s:
            if client.group.group.by_place:
                place = msgspec.msgpack.decode(bytes(data[at + 4 : end]))["data"]["x"]
                client.next = place % len(client.group.heads)
            self._entered(client, now_s)

    def _refusal(self, client: Client, body: bytes) -> None:
        packet = msgspec.msgpack.decode(body)
        code, n = packet["code"], packet.get("re", 0) - self.base
        refused = client.group.refused
        refused[code] = refused.get(code, 0) + 1
        if n >= 0 and client.group.group.refusals_count and code not in ("busy", "unavailable", "stale", "flooding"):
            self.took_s[n] = time.perf_counter() - self.sent_s[n]
        elif packet.get("re", 0) <= ENTRANCE_SEQ and not client.entered_s:
            client.group.entering -= 1


def as_messages(frames: bytes) -> bytes:
    """Frames as a client's messages over a WebSocket. The mask is of zeros, so that payloads stay as they are."""
    messages, at = [], 0
    while at < len(frames):
        end = at + LENGTH.size + LENGTH.unpack_from(frames, at)[0]
        body = frames[at + LENGTH.size : end]
        size = bytes((0x80 | len(body),)) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2)
        messages.append(b"\x82" + size + bytes(4) + body)
        at = end
    return b"".join(messages)


def from_messages(data: bytes) -> tuple[bytes, bytes]:
    """A server's messages as frames, and what is left of one that has not come to its end."""
    frames, at, size = [], 0, len(data)
    while at + 4 <= size:
        length, begin = data[at + 1], at + 2
        if length == 126:
            length, begin = int.from_bytes(data[at + 2 : at + 4]), at + 4
        elif length == 127:
            length, begin = int.from_bytes(data[at + 2 : at + 10]), at + 10
        if begin + length > size:
            break
        frames.append(prefix(data[begin : begin + length]))
        at = begin + length
    return b"".join(frames), data[at:]


def _head(packet: dict[str, Any]) -> bytes:
    """A frame without its last eight bytes, which are its number's."""
    return prefix(msgspec.msgpack.encode({**packet, "seq": 2**60}))[:-8]


def _entrance_us(client: Client) -> int:
    return int((client.entered_s - client.asked_s) * 1e6) if client.entered_s else UNANSWERED_US


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def main(kind: type[Run] = Run) -> None:
    """Read the plan, carry it out, print the report."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    run = kind(plan)
    gc.disable()  # nothing here makes cycles
    report = run.run()
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")


if __name__ == "__main__":
    main()
