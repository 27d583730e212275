"""Players who give coins, whisper, talk, walk and look into their purses, and write down what came of it."""

import asyncio
import time
from collections.abc import Sequence
from random import Random

from gameserver.client import FOREVER, Client, ConnectionLost, Refused
from gameserver.client.limits import ClientLimits
from tests.chaos.records import Action, Diary

PASSWORD = "a password for chaos"
DIRECTIONS = ("n", "e", "s", "w", "ne", "nw", "se", "sw")
LIMITS = ClientLimits(attempt_s_max=6.0, notices_max=50_000)


class Player:
    """One player of the crowd."""

    def __init__(self, name: str, others: Sequence[str], addresses: Sequence[tuple[str, int]], diary: Diary) -> None:
        self.name = name
        self._others = [other for other in others if other != name]
        self._diary = diary
        self._said = 0
        self._answered = 0
        self._rng = Random(f"player {name}")
        self._open: set[asyncio.Future[None]] = set()
        self.client = Client(addresses, backoff=FOREVER, limits=LIMITS, on_notice=self._told)
        diary.heard.setdefault(name, [])
        diary.received.setdefault(name, [])

    async def enter(self) -> None:
        """Come into the world."""
        await self.client.open()
        await self.client.register(self.name, PASSWORD)
        await self.client.send("join", channel="chaos")

    def _told(self, notice: dict[str, object]) -> None:
        if notice["type"] == "heard" and notice["how"] == "whisper":
            self._diary.heard[self.name].append(str(notice["text"]))
        elif notice["type"] == "received":
            self._diary.received[self.name].append(int(str(notice["coins"])))

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
        self._diary.actions.append(action)
        task = asyncio.ensure_future(self._write_down(action, reply))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _over(self, lost: ConnectionLost) -> None:
        """A session must not be lost; when it is, the crowd goes on without this player."""
        self._diary.sessions_lost.append(f"{self.name} at {time.monotonic():.1f} ({lost})")
        await asyncio.sleep(3600)

    def _choose(self) -> tuple[str, dict[str, object]]:
        dice = self._rng.random()
        other = self._rng.choice(self._others)
        if dice < 0.40:
            return "give", {"to": other, "coins": self._rng.randint(1, 20)}
        if dice < 0.60:
            self._said += 1
            return "whisper", {"to": other, "text": f"{self.name}>{other} {self._said}"}
        if dice < 0.70:
            self._said += 1
            return "talk", {"channel": "chaos", "text": f"{self.name} {self._said}"}
        if dice < 0.75:
            return "purse", {}
        return "move", {"dir": self._rng.choice(DIRECTIONS)}

    async def _write_down(self, action: Action, reply: "asyncio.Future[object]") -> None:
        try:
            action.data = await reply
            action.end = "ok"
        except Refused as refused:
            action.end, action.code = "refused", refused.code
        except ConnectionLost:
            action.end = "lost"
        action.ended_s = time.monotonic()
        self._answered += 1

    async def goes_on(self, answers: int) -> None:
        """Wait until so many more actions were answered."""
        due = self._answered + answers
        while self._answered < due:  # noqa: ASYNC110 - polling is simpler than an event per reply
            await asyncio.sleep(0.05)

    async def settled(self, s_max: float) -> None:
        """Wait for all replies, so long at most."""
        if self._open:
            await asyncio.wait(self._open, timeout=s_max)

    async def leave(self) -> None:
        """Close, and forget what is still open."""
        self._diary.reconnects += self.client.reconnects
        for task in list(self._open):
            task.cancel()
        await self.client.close()
