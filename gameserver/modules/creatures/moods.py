"""What creatures are about: a table of states. Each turn a creature takes the first way out that is open, and acts.

Pure: what a creature knows goes in, its next mood comes out.
"""

from collections.abc import Callable

import msgspec

from gameserver.modules.combat.creature_kinds import Kind
from gameserver.modules.combat.entities import Creature
from gameserver.modules.combat.fighters import Fighter
from gameserver.modules.creatures.paths import Tile, tiles_between

WANDER, CHASE, FLEE, RETURN = "", "chase", "flee", "return"
FOLLOW, GUARD = "follow", "guard"  # those of a player: what it has told them
WANDER_TILES = 4  # so far it strays from home by itself
HOME_TILES = 2  # so near it is at home: others may live there too

Other = Fighter | Creature


def tile_of(other: Other) -> Tile:
    """Where somebody stands."""
    at = other if isinstance(other, Creature) else other.body
    return at.x, at.y


class Knows(msgspec.Struct, frozen=True):
    """What a creature knows: itself, where it is at home, whom it is after, and who is the nearest that it sees."""

    creature: Creature
    kind: Kind
    home: Tile
    prey: Other | None = None
    nearest: Other | None = None

    @property
    def at(self) -> Tile:
        """Where it stands."""
        return self.creature.x, self.creature.y

    @property
    def from_home(self) -> int:
        """How far it is from home."""
        return tiles_between(self.at, self.home)


def is_afraid(knows: Knows) -> bool:
    """It is hurt, or timid, and sees somebody."""
    below = knows.kind.flees_below
    hurt = knows.creature.hp * 100 < knows.kind.hp_max * below or below == 100
    return hurt and knows.nearest is not None


def is_calm(knows: Knows) -> bool:
    """It has nothing to fear."""
    return not is_afraid(knows)


def has_prey(knows: Knows) -> bool:
    """It is after somebody whom it sees."""
    return knows.prey is not None


def has_lost_it(knows: Knows) -> bool:
    """It is after nobody whom it sees."""
    return knows.prey is None


def is_too_far(knows: Knows) -> bool:
    """It has chased as far from home as it ever does."""
    return knows.from_home > knows.kind.leash


def is_astray(knows: Knows) -> bool:
    """It is farther from home than it strays by itself."""
    return knows.from_home > WANDER_TILES


def is_home(knows: Knows) -> bool:
    """It is at home."""
    return knows.from_home <= HOME_TILES


Way = tuple[Callable[[Knows], bool], str]

WAYS: dict[str, tuple[Way, ...]] = {
    WANDER: ((is_afraid, FLEE), (has_prey, CHASE), (is_astray, RETURN)),
    CHASE: ((is_afraid, FLEE), (has_lost_it, RETURN), (is_too_far, RETURN)),
    FLEE: ((is_calm, RETURN),),
    RETURN: ((is_home, WANDER),),
    FOLLOW: (),
    GUARD: (),
}


def next_mood(knows: Knows) -> str:
    """What a creature is about next. A mood that only another version knows is none."""
    mood = knows.creature.mood if knows.creature.mood in WAYS else WANDER
    return next((there for is_open, there in WAYS[mood] if is_open(knows)), mood)
