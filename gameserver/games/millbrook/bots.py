"""How bots play Millbrook, without I/O.

A bot walks straight on, turns where it was stopped, chats a little, and attacks beings that stand next to it. It has no
map: it learns from refusals where walls are and which zones are safe.
"""

from random import Random
from typing import Any, get_args

from gameserver.client.bots.profile import BotProfile
from gameserver.modules.movement.events import Direction

Being = dict[str, Any]

DIRECTIONS: tuple[str, ...] = get_args(Direction)
KEEPS_DIRECTION = 0.85
ATTACKS_CREATURE = 0.6
ATTACKS_PLAYER = 0.05
EAGERNESS = {"player": ATTACKS_PLAYER, "person": 0.0}
CHANNEL_MEMBERS = 20  # a channel of the whole crowd would make every line a thousand

WALKS, SAYS, TALKS, WHISPERS, SHOUTS = 0.90, 0.05, 0.02, 0.02, 0.01
LINES = ("Hello!", "Anybody here?", "Nice weather for a walk.", "Mind the wolves.", "Has anyone seen the crypt?")


class Wanderer:
    """Chooses the events of bot ``number`` of ``count``. ``safe_zones`` is shared by all, and grows as they learn."""

    def __init__(self, rng: Random, number: int, count: int, prefix: str, safe_zones: set[str]) -> None:
        self._rng = rng
        self._number = number
        self._count = count
        self._prefix = prefix
        self._safe_zones = safe_zones
        self.channel = f"bots-{number // CHANNEL_MEMBERS}"
        self._joined = False
        self._direction = rng.choice(DIRECTIONS)
        self._blocked: set[str] = set()

    def choose(self, me: Being, beings: dict[str, Being]) -> dict[str, Any]:
        """Choose the next event: a map with its type and fields."""
        if me.get("hp", 0) <= 0:
            return {"type": "look"}  # the dead can't do more
        victim = self._victim(me, beings)
        if victim is not None:
            return {"type": "attack", "target": victim}
        (what,) = self._rng.choices((self._walk, self._say, self._talk, self._whisper, self._shout), _WEIGHTS)
        return what()

    def learn(self, event: dict[str, Any], code: str, zone: str) -> None:
        """Learn from the reply to an event. ``code``: of its refusal, "" for success. ``zone``: where the bot was."""
        kind = event["type"]
        if kind == "move":
            self._learn_direction(event["dir"], code)
        elif code == "safe_zone":
            self._safe_zones.add(zone)
        elif kind == "join":
            self._joined = not code
        elif kind == "leave" or code == "not_a_member":
            self._joined = False

    def _learn_direction(self, direction: str, code: str) -> None:
        if not code:
            self._blocked.clear()
        elif code in ("wall", "occupied"):
            self._blocked.add(direction)

    def _victim(self, me: Being, beings: dict[str, Being]) -> str | None:
        if me.get("zone") in self._safe_zones:
            return None
        for id_, being in beings.items():
            if being["hp"] > 0 and _distance(me, being) == 1 and self._rng.random() < _eagerness(being):
                return id_
        return None

    def _walk(self) -> dict[str, Any]:
        if self._direction in self._blocked or self._rng.random() > KEEPS_DIRECTION:
            open_ = [direction for direction in DIRECTIONS if direction not in self._blocked]
            self._direction = self._rng.choice(open_ or DIRECTIONS)
        return {"type": "move", "dir": self._direction}

    def _say(self) -> dict[str, Any]:
        return {"type": "say", "text": self._rng.choice(LINES)}

    def _shout(self) -> dict[str, Any]:
        return {"type": "shout", "text": self._rng.choice(LINES)}

    def _talk(self) -> dict[str, Any]:
        if not self._joined:
            return {"type": "join", "channel": self.channel}
        return {"type": "talk", "channel": self.channel, "text": self._rng.choice(LINES)}

    def _whisper(self) -> dict[str, Any]:
        if self._count < 2:
            return self._say()
        other = (self._number + self._rng.randrange(1, self._count)) % self._count
        return {"type": "whisper", "to": f"{self._prefix}{other}", "text": self._rng.choice(LINES)}


_WEIGHTS = (WALKS, SAYS, TALKS, WHISPERS, SHOUTS)


def _distance(a: Being, b: Being) -> int:
    return int(max(abs(a["x"] - b["x"]), abs(a["y"] - b["y"])))


def _eagerness(being: Being) -> float:
    return EAGERNESS.get(being["kind"], ATTACKS_CREATURE)


REFUSALS = frozenset(
    {
        "cooldown",
        "dead",
        "empty_text",
        "mailbox_full",
        "no_such_player",
        "no_such_target",
        "not_a_member",
        "occupied",
        "out_of_reach",
        "safe_zone",
        "too_few_coins",
        "too_fast",
        "too_many_channels",
        "wall",
    }
)

BOTS = BotProfile(behaviour=Wanderer, refusals=REFUSALS)
