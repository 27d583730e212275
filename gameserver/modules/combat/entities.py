"""What can be struck: players' health, and creatures. Times are milliseconds since 1970, 0 for never."""

from gameserver.game import Entity, Field, Place, all_of, any_of, entity, test
from gameserver.modules.sessions.entities import PRESENT, Player

HURT = any_of(test("hp", "<", Field("hp_max")), test("dead_until_ms", ">", 0))


@entity(of=Player, within=True, conditions={"hurt": all_of(PRESENT, HURT)})
class Health(Entity, frozen=True):
    """A player's health. ``dead_until_ms``: 0 when alive. ``hit_ms``: when last struck."""

    id: str
    hp: int = 100
    hp_max: int = 100
    dead_until_ms: int = 0
    hit_ms: int = 0


# Apart from health, which every step asks for and others see: this is read where there is a fight.
@entity(of=Player, within=True)
class Strength(Entity, frozen=True):
    """How a player fights. ``attack_due_ms``: when the next blow may fall."""

    id: str
    attack: int = 10
    defence: int = 2
    xp: int = 0
    attack_due_ms: int = 0


@entity(place=Place("zone", "x", "y"), indexes=("zone",))
class Creature(Entity, frozen=True):
    """A creature's body; its kind's table tells the rest. ``prey``: id of the player it is after, "" for none."""

    id: str
    kind: str
    zone: str
    x: int
    y: int
    v: int = 0
    hp: int = 1
    prey: str = ""
    act_due_ms: int = 0
    dead_until_ms: int = 0

    @property
    def dead(self) -> bool:
        """Whether it is dead, until its kind appears again."""
        return self.dead_until_ms > 0
