"""What can be struck: players' health, and creatures. Times are milliseconds since 1970, 0 for never."""

from gameserver.game import Entity, Field, Index, Place, all_of, any_of, entity, test
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
@entity(of=Player, within=True, added=("gear", "effects"))
class Strength(Entity, frozen=True):
    """How a player fights. ``attack_due_ms``: when the next blow may fall.

    ``attack`` and ``defence``: by level (``growth.bare``), and what is worn adds to them.

    ``gear``: what weapons and armour do beside adding to attack and defence (``combat.gear``); ``effects``: what acts
    on the player for a while (``combat.effects``).
    """

    id: str
    attack: int = 10
    defence: int = 2
    xp: int = 0
    attack_due_ms: int = 0
    gear: str = ""
    effects: str = ""


@entity(
    of=Player,
    within=True,
    added=("rival", "rival_until_ms", "duel_zone"),
    conditions={"fighting": test("duel_zone", "!=", "")},
    indexes=(Index(("duel_zone",), name="duel", when="fighting"),),
)
class Duel(Entity, frozen=True):
    """Whom a player has challenged, or (``duel_zone`` says where) fights by consent, and until when at most."""

    id: str
    rival: str = ""
    rival_until_ms: int = 0
    duel_zone: str = ""


@entity(
    place=Place("zone", "x", "y"),
    indexes=("zone", Index(("zone",), name="abroad", when="abroad")),
    conditions={"owned": test("owner", "!=", ""), "abroad": all_of(test("owner", "!=", ""), test("zone", "!=", ""))},
    added=("mood", "phase", "owner", "respawn_ms", "effects", "wounds"),
)
class Creature(Entity, frozen=True):
    """A creature's body; its kind's table tells the rest.

    ``prey``: id of the player or creature it is after, "" for none. ``mood``: what it is about, a state of those of the
    module that lets it act. ``phase``: how many of its phases have begun. ``owner``: whose it is, "" for nobody's; such
    a one is in no zone ("") while its owner is not in the world. ``respawn_ms``: how long it stays dead, 0 for as long
    as its kind says. ``effects``: what acts on it for a while; ``wounds``: who has wounded it, and how much.
    """

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
    mood: str = ""
    phase: int = 0
    owner: str = ""
    respawn_ms: int = 0
    effects: str = ""
    wounds: str = ""

    @property
    def dead(self) -> bool:
        """Whether it is dead, until its kind appears again."""
        return self.dead_until_ms > 0
