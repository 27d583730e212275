"""Players who give coins, whisper, talk, walk and look into their purses, and write down what came of it.

Each gift has an amount and each line a text of its own, so that the checker can tell single events apart. Some hang up
when they are told to, and come back through any gateway.
"""

import asyncio
from collections.abc import Sequence
from itertools import count
from random import Random

from gameserver.client import FOREVER, Client, ConnectionLost, Refused
from gameserver.testing.chaos.client import LIMITS, PASSWORD, ChaosClient
from tests.chaos.records import GAME, Action, Diary

DIRECTIONS = ("n", "e", "s", "w", "ne", "nw", "se", "sw")
# How a whisper may break the code that handles it: see tests.chaos.poison.
POISONS = ("needs", "rule", "encode", "save", "kill")
NOBODY = "nobody"
VISIT_EVERY_S = 3.0
VISIT_AGAIN_S = 0.5
ENTER_S_MAX = 60.0
KEPT = frozenset({"give", "tip", "whisper", "talk"})  # durable: what the checker compares


class Player(ChaosClient):
    """One player of the crowd. ``poison``: how likely a whisper is poisoned. ``tips``: whether to try the other
    release's event."""

    diary: Diary

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
        super().__init__(names[number], addresses, diary, Random(f"player {names[number]}"))
        self._number = number
        self._everyone = len(names)
        self._others = [other for other in names if other != self.name]
        self._poison = poison
        self._tips = tips
        self._said = 0
        self._gifts = 0
        diary.heard.setdefault(self.name, [])
        diary.received.setdefault(self.name, [])

    async def enter(self) -> None:
        """Come into the world."""
        await super().enter()
        await self.client.send("join", channel="chaos")

    def told(self, notice: dict[str, object]) -> None:
        if notice["type"] == "heard" and notice["how"] == "whisper":
            self.diary.heard[self.name].append(str(notice["text"]))
        elif notice["type"] in ("received", "tipped"):
            self.diary.receive(self.name, int(str(notice["coins"])), int(str(notice.get("gifts", 1))))

    def keeps(self, action: Action) -> bool:
        return action.event in KEPT

    def ended(self, action: Action) -> None:
        """What changes nothing and ended as usual is counted, and not kept."""
        if action.end == "ok":
            action.data = action.data.get("coins")
        if action.event not in KEPT and action.end != "ok" and action.code not in GAME:
            self.diary.actions.append(action)

    def choose(self) -> tuple[str, dict[str, object]]:
        dice = self.rng.random()
        other = self.rng.choice(self._others)
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
        return "move", {"dir": self.rng.choice(DIRECTIONS)}

    def _amount(self) -> int:
        """An amount that nobody else gives; a gift may have a million at most, also in the longest run."""
        self._gifts += 1
        return self._gifts * self._everyone + self._number

    def _words(self, other: str) -> str:
        words = f"{self.name}>{other} {self._said}"
        return f"poison {self.rng.choice(POISONS)} {words}" if self.rng.random() < self._poison else words


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
