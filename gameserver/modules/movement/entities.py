"""Bodies: those of players, and those of creatures.

Times are milliseconds since 1970, 0 for never.
"""

from gameserver.declare.conditions import Field, all_of, any_of, test
from gameserver.declare.entity import Entity, Index, Often, Place, entity
from gameserver.rules.watermarks import NO_MARKS

PRESENT = test("gateway", "!=", "")
HURT = any_of(test("hp", "<", Field("hp_max")), test("dead_until_ms", ">", 0))


# A step changes 40 bytes and no index: what a batch costs SQLite is above all the pages that it leaves to be written,
# and PostgreSQL a version of each row. Only those present are looked for by place: that index stays as small as the
# crowd, however many accounts there are.
@entity(
    actor=True,
    conditions={"present": PRESENT, "hurt": all_of(PRESENT, HURT)},
    place=Place("zone", "x", "y", when="present"),
    indexes=(Index(("zone",), name="present", when="present"),),
    often=Often("whereabouts", ("x", "y", "v", "steps_due_ms", "marks")),
)
class Player(Entity, frozen=True):
    """A player's body. ``v`` counts changes that others see. ``gateway`` is "" while not in the world.

    ``steps_due_ms``: when the steps taken so far would be due at the speed limit. ``attack_due_ms``: when the next blow
    may fall. ``dead_until_ms``: 0 when alive. ``hit_ms``: when last struck. ``session``: the last one, "" once it is
    known to be over; ``marks``: its watermarks (``rules.watermarks``), which begin anew with another.
    """

    id: str
    name: str
    zone: str
    x: int
    y: int
    v: int = 0
    hp: int = 100
    hp_max: int = 100
    attack: int = 10
    defence: int = 2
    xp: int = 0
    steps_due_ms: int = 0
    attack_due_ms: int = 0
    dead_until_ms: int = 0
    hit_ms: int = 0
    session: str = ""
    gateway: str = ""
    conn: str = ""
    marks: str = NO_MARKS

    @property
    def present(self) -> bool:
        """Whether the player is in the world."""
        return self.gateway != ""


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
