"""Players who give coins, whisper, talk, walk and look into their purses, and write down what came of it.

Each gift has an amount and each line a text of its own, so that the checker can tell single events apart. Some hang up
when they are told to, and come back through any gateway.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from typing import Any

from gameserver.client import FOREVER, Client, ConnectionLost, Refused
from gameserver.client.connection import Connection
from gameserver.client.limits import ClientLimits
from tests.chaos.records import GAME, Action, Diary

PASSWORD = "a password for chaos"
DIRECTIONS = ("n", "e", "s", "w", "ne", "nw", "se", "sw")
LIMITS = ClientLimits(attempt_s_max=6.0, notices_max=50_000)
# How a whisper may break the code that handles it: see tests.chaos.poison.
POISONS = ("needs", "rule", "encode", "save", "kill")
NOBODY = "nobody"
VISIT_EVERY_S = 3.0
VISIT_AGAIN_S = 0.5
ENTER_S_MAX = 60.0
KEPT = frozenset({"give", "tip", "whisper", "talk"})  # durable: what the checker compares


class Player:
    """One player of the crowd. ``poison``: how likely a whisper is poisoned. ``tips``: whether to try the other
    release's event."""

    def __init__(
        self,
        number: int,
        names: Sequence[str],
        addresses: Sequence[tuple[str, int]],
        diary: Diary,
        *,
        poison: float = 0.0,
        tips: float = 0.0,
    ) -> None:
        self.name = names[number]
        self._number = number
        self._everyone = len(names)
        self._others = [other for other in names if other != self.name]
        self._diary = diary
        self._poison = poison
        self._tips = tips
        self._said = 0
        self._gifts = 0
        self.answered = 0
        self._rng = Random(f"player {self.name}")
        self._open: dict[int, Action] = {}
        self._left: list[asyncio.Transport] = []
        self.client = Client(self._any_gateway(addresses), backoff=FOREVER, limits=LIMITS, on_notice=self._told)
        diary.heard.setdefault(self.name, [])
        diary.received.setdefault(self.name, [])

    def _any_gateway(self, addresses: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int]]:
        """Give the first gateway at first, and any of them later: half of the time another than before."""
        chance = Random(f"address {self.name}")
        yield addresses[0]
        while True:
            yield chance.choice(addresses)

    async def enter(self) -> None:
        """Come into the world."""
        await self.client.open()
        await self.client.register(self.name, PASSWORD)
        await self.client.send("join", channel="chaos")

    def hang_up(self, way: int) -> None:
        """Lose the connection, if there is one; the client comes back by itself.

        ``way``: close it, reset it, or leave it as it is: then the gateway finds out when somebody resumes the session.
        """
        connection = self.client._session.connector.connection
        if connection is not None:
            (_close, _reset, self._leave_behind)[way % 3](connection)

    def _leave_behind(self, connection: Connection) -> None:
        connection._transport.pause_reading()
        self._left.append(connection._transport)
        connection._stop()
        connection._dropped = True
        connection._on_lost(connection, ConnectionLost("left", "The connection was left as it was."))

    def _told(self, notice: dict[str, object]) -> None:
        if notice["type"] == "heard" and notice["how"] == "whisper":
            self._diary.heard[self.name].append(str(notice["text"]))
        elif notice["type"] in ("received", "tipped"):
            self._diary.receive(self.name, int(str(notice["coins"])), int(str(notice.get("gifts", 1))))

    async def play(self, rate: float) -> None:
        """Act at random, without waiting for replies, until cancelled."""
        while True:
            await asyncio.sleep(self._rng.expovariate(rate))
            await self._act()

    async def _act(self) -> None:
        event, fields = self._choose()
        action = Action(self.name, event, fields, time.monotonic())
        try:
            reply = await self.client.post(event, **fields)  # once it returns the event is on its way, not before
        except ConnectionLost as lost:
            await self._over(lost)
            return
        if event in KEPT:
            self._diary.actions.append(action)
        self._open[id(action)] = action
        reply.add_done_callback(lambda reply: self._write_down(action, reply))

    async def _over(self, lost: ConnectionLost) -> None:
        """A session must not be lost; when it is, the crowd goes on without this player."""
        self._diary.sessions_lost.append(f"{self.name} at {time.monotonic():.1f} ({lost})")
        await asyncio.sleep(3600)

    def _choose(self) -> tuple[str, dict[str, object]]:
        dice = self._rng.random()
        other = self._rng.choice(self._others)
        self._said += 1
        if dice < 0.01:
            return "give", {"to": NOBODY, "coins": self._amount()}
        if dice < 0.01 + self._tips:
            return "tip", {"to": other, "coins": self._amount()}
        if dice < 0.35:
            return "give", {"to": other, "coins": self._amount()}
        if dice < 0.50:
            return "whisper", {"to": other, "text": self._words(other)}
        if dice < 0.55:
            return "talk", {"channel": "chaos", "text": f"{self.name} {self._said}"}
        if dice < 0.60:
            return "purse", {}
        return "move", {"dir": self._rng.choice(DIRECTIONS)}

    def _amount(self) -> int:
        """An amount that nobody else gives; a gift may have a million at most, also in the longest run."""
        self._gifts += 1
        return self._gifts * self._everyone + self._number

    def _words(self, other: str) -> str:
        words = f"{self.name}>{other} {self._said}"
        return f"poison {self._rng.choice(POISONS)} {words}" if self._rng.random() < self._poison else words

    def _write_down(self, action: Action, reply: "asyncio.Future[dict[str, Any]]") -> None:
        if id(action) not in self._open:
            return  # the player has left
        error = reply.exception()
        if error is None:
            action.end, action.data = "ok", reply.result().get("coins")
        elif isinstance(error, Refused):
            action.end, action.code = "refused", error.code
        else:
            action.end = "lost"
        action.ended_s = time.monotonic()
        self.answered += 1
        self._close(action)

    def _close(self, action: Action) -> None:
        """Write down how an action ended. What changes nothing and ended as usual is counted, and not kept."""
        del self._open[id(action)]
        self._diary.ends[f"{action.event} {action.end or 'unanswered'} {action.code}".strip()] += 1
        if action.ended_s:
            self._diary.took_s.append(action.ended_s - action.began_s)
        if action.event not in KEPT and action.end != "ok" and action.code not in GAME:
            self._diary.actions.append(action)

    async def goes_on(self, answers: int) -> None:
        """Wait until so many more actions were answered."""
        due = self.answered + answers
        while self.answered < due:  # noqa: ASYNC110 - polling is simpler than an event per reply
            await asyncio.sleep(0.05)

    async def settled(self, s_max: float) -> None:
        """Wait for all replies, so long at most."""
        deadline_s = time.monotonic() + s_max
        while self._open and time.monotonic() < deadline_s:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.05)

    async def leave(self) -> None:
        """Close, and write down what is still open as unanswered."""
        self._diary.reconnects += self.client.reconnects
        for action in list(self._open.values()):
            self._close(action)
        await self.client.close()
        for transport in self._left:
            transport.abort()


async def visit_often(addresses: Sequence[tuple[str, int]], diary: Diary) -> None:
    """Let one newcomer after the other come into the world and leave it, until cancelled."""
    for n in count():
        await asyncio.sleep(VISIT_EVERY_S)
        turn = n % len(addresses)
        try:
            async with asyncio.timeout(ENTER_S_MAX):
                await _visit(f"visitor{n}", [*addresses[turn:], *addresses[:turn]])
        except TimeoutError:
            diary.locked_out.append(f"visitor{n}")


async def _visit(name: str, addresses: Sequence[tuple[str, int]]) -> None:
    """Try to enter until it succeeds, as a person would."""
    while True:
        try:
            async with Client(addresses, backoff=FOREVER, limits=LIMITS) as client:
                await client.register(name, PASSWORD)
            return
        except ConnectionLost:
            continue
        except Refused as refused:
            if refused.code == "name_taken":
                return  # the reply to the attempt before was lost
            await asyncio.sleep(VISIT_AGAIN_S)


def _close(connection: Connection) -> None:
    connection._transport.abort()


def _reset(connection: Connection) -> None:
    at_once = struct.pack("ii", 1, 0)  # no farewell: what is unread is lost, and the peer told so
    connection._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    connection._transport.abort()
