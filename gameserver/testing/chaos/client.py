"""A client that acts at random, writes down what came of it, and hangs up when it is told to.

It comes back through any gateway, and sends what is unanswered again with the numbers that it had.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from functools import partial
from random import Random
from typing import Any

from gameserver.client import FOREVER, Client, ConnectionLost, Refused
from gameserver.client.connection import Connection
from gameserver.client.limits import ClientLimits
from gameserver.testing.chaos.records import Action, Diary

PASSWORD = "a password for chaos"  # noqa: S105 - of players who live for a minute
LIMITS = ClientLimits(attempt_s_max=6.0, notices_max=50_000)
POLL_S = 0.05
HUNG_UP = ConnectionLost("hung_up", "The client was told to lose its connection.")


class ChaosClient:
    """One client of a crowd. A subclass says what it does (``choose``), and may listen to notices (``told``).

    ``addresses``: gateways, the first one to begin with. ``answered``: how many of its actions were.
    """

    def __init__(self, name: str, addresses: Sequence[tuple[str, int]], diary: Diary, rng: Random) -> None:
        self.name = name
        self.answered = 0
        self.diary = diary
        self.rng = rng
        self._open: dict[int, Action] = {}
        self._left: list[asyncio.Transport] = []
        self.client = Client(self._any_gateway(addresses), backoff=FOREVER, limits=LIMITS, on_notice=self.told)

    def choose(self) -> tuple[str, dict[str, Any]] | None:
        """Choose the next event and its fields; ``None`` does nothing this time."""
        raise NotImplementedError

    def told(self, notice: dict[str, Any]) -> None:
        """Hear a notice."""

    def keeps(self, action: Action) -> bool:
        """Whether an action stands in the diary as soon as it is on its way; others only count there."""
        return True

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

    def hang_up(self, way: int) -> None:
        """Lose the connection, if there is one; the client comes back by itself.

        ``way``: close it, reset it, or leave it as it is: then the gateway finds out when somebody resumes the session.
        """
        connection = self.client.connection
        if connection is not None:
            (connection.drop, connection.reset, partial(self._leave, connection))[way % 3](HUNG_UP)

    def _leave(self, connection: Connection, reason: ConnectionLost) -> None:
        self._left.append(connection.leave(reason))

    async def play(self, rate: float) -> None:
        """Act at random, without waiting for replies, until cancelled."""
        while True:
            await asyncio.sleep(self.rng.expovariate(rate))
            chosen = self.choose()
            if chosen is not None:
                await self._act(*chosen)

    async def _act(self, event: str, fields: dict[str, Any]) -> None:
        action = Action(self.name, event, fields, time.monotonic())
        try:
            reply = await self.client.post(event, **fields)  # once it returns the event is on its way, not before
        except ConnectionLost as lost:
            await self._over(lost)
            return
        action.id = f"{self.client.session_id}:{self.client.sent}"
        if self.keeps(action):
            self.diary.actions.append(action)
        self._open[id(action)] = action
        reply.add_done_callback(partial(self._write_down, action))

    @property
    def under_way(self) -> frozenset[str]:
        """The types of the events of which it was not told yet what became of them."""
        return frozenset(action.event for action in self._open.values())

    async def _over(self, lost: ConnectionLost) -> None:
        """A session must not be lost; when it is, the crowd goes on without this player."""
        self.diary.sessions_lost.append(f"{self.name} at {time.monotonic():.1f} ({lost})")
        await asyncio.sleep(3600)

    def _write_down(self, action: Action, reply: "asyncio.Future[dict[str, Any]]") -> None:
        if id(action) not in self._open:
            return  # the player has left
        error = reply.exception()
        if error is None:
            action.end, action.data = "ok", reply.result()
        elif isinstance(error, Refused):
            action.end, action.code = "refused", error.code
        else:
            action.end = "lost"
        action.ended_s = time.monotonic()
        self.answered += 1
        self._close(action)

    def _close(self, action: Action) -> None:
        """Count how an action ended."""
        del self._open[id(action)]
        self.diary.ends[f"{action.event} {action.end or 'unanswered'} {action.code}".strip()] += 1
        if action.ended_s:
            self.diary.took_s.append(action.ended_s - action.began_s)
        self.ended(action)

    def ended(self, action: Action) -> None:
        """Hear how an action ended."""

    async def goes_on(self, answers: int) -> None:
        """Wait until so many more actions were answered."""
        due = self.answered + answers
        while self.answered < due:  # noqa: ASYNC110 - polling is simpler than an event per reply
            await asyncio.sleep(POLL_S)

    async def settled(self, s_max: float) -> None:
        """Wait for all replies, so long at most."""
        deadline_s = time.monotonic() + s_max
        while self._open and time.monotonic() < deadline_s:  # noqa: ASYNC110 - the same
            await asyncio.sleep(POLL_S)

    async def leave(self) -> None:
        """Close, and write down what is still open as unanswered."""
        self.diary.reconnects += self.client.reconnects
        for action in list(self._open.values()):
            self._close(action)
        await self.client.close()
        for transport in self._left:
            transport.abort()
