"""What a blow does, and what follows from it: the one formula for all fights.

Players strike when they say so (``rules``), creatures and effects on their zone's ticks.
"""

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from msgspec.structs import replace

from gameserver.game import Dice, Entity, Event, Notification
from gameserver.modules.combat.creature_kinds import Kind, kind_of
from gameserver.modules.combat.effects import EFFECTS, PERMILLE, afflicted
from gameserver.modules.combat.elements import WORN_RESIST_MAX, resisted
from gameserver.modules.combat.entities import Creature, Strength
from gameserver.modules.combat.events import Afflicted, Died, Fall, Reward, Slain, Struck
from gameserver.modules.combat.fighters import Fighter
from gameserver.modules.combat.gear import gear_in
from gameserver.modules.combat.wounds import noted, shared
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import cell_of, vanishes

DEAD_MS = 5_000
OWNED_DEAD_MS = 30_000
SPREAD = 3
Standing = Body | Creature
T = TypeVar("T")


class Blow(NamedTuple):
    """A blow that falls: whose it is, how strong, of what, and what effect it may leave.

    ``credit``: the player who has its merit, who is another where a creature strikes for its owner.
    """

    by: str
    attack: int
    element: str = ""
    inflicts: str = ""
    permille: int = 0
    credit: str = ""


class Hurt(NamedTuple, Generic[T]):
    """Who was struck, as they are then; what is seen of it, and the events that are born."""

    struck: T
    damage: int
    notifications: tuple[Notification, ...]
    events: tuple[Event, ...] = ()


def blow(rng: Dice, attack: int, defence: int) -> int:
    """Damage of a blow: attack less defence, give or take ``SPREAD``, at least 1."""
    return max(1, attack - defence + rng.randint(-SPREAD, SPREAD))


def blow_of_player(player: Fighter) -> Blow:
    """How a player strikes."""
    gear = gear_in(player.strength.gear)
    return Blow(player.id, player.strength.attack, gear.element, gear.inflicts, gear.inflicts_permille, player.id)


def blow_of_creature(creature: Creature, kind: Kind) -> Blow:
    """How a creature strikes."""
    return Blow(creature.id, kind.attack, kind.element, kind.inflicts, kind.inflicts_permille, creature.owner)


def strike_creature(blow_: Blow, creature: Creature, now_ms: int, rng: Dice) -> Hurt[Creature]:
    """Let a blow fall on a creature, which is after who struck it then."""
    kind = kind_of(creature.kind)
    damage = resisted(blow(rng, blow_.attack, kind.defence), blow_.element, kind.resists)
    stricken = replace(creature, prey=blow_.by)
    if _leaves_something(blow_, rng):
        stricken = replace(stricken, effects=afflicted(creature.effects, blow_.inflicts, blow_.by, now_ms))
    return wound_creature(stricken, blow_.by, blow_.credit, damage, now_ms, rng)


def wound_creature(creature: Creature, by: str, credit: str, damage: int, now_ms: int, rng: Dice) -> Hurt[Creature]:
    """Take health from a creature. At none it is dead; that of nobody is worth experience, and leaves things."""
    hp = max(0, creature.hp - damage)
    hurt = replace(creature, hp=hp, v=creature.v + 1)
    if credit and not creature.owner:
        hurt = replace(hurt, wounds=noted(creature.wounds, credit, creature.hp - hp))
    struck = _struck(by, hurt, hp, damage)
    if hp:
        return Hurt(hurt, damage, (struck,))
    dead = replace(hurt, prey="", effects="", wounds="", dead_until_ms=now_ms + _stays_dead_ms(hurt, rng))
    return Hurt(dead, damage, (struck, *_death(dead, by)), _what_is_left(hurt, credit))


def _stays_dead_ms(creature: Creature, rng: Dice) -> int:
    if creature.owner:
        return OWNED_DEAD_MS
    return creature.respawn_ms or drawn_ms(kind_of(creature.kind).respawn_s, kind_of(creature.kind).respawn_most_s, rng)


def drawn_ms(least_s: int, most_s: int, rng: Dice) -> int:
    """Draw a time in a range; ``most_s`` of 0 is none."""
    return rng.randint(least_s * 1_000, most_s * 1_000) if most_s > least_s else least_s * 1_000


def _what_is_left(creature: Creature, last: str) -> tuple[Event, ...]:
    """A reward for each who took part, and a death to which things hang. What is somebody's is worth neither."""
    if creature.owner:
        return ()
    kind = kind_of(creature.kind)
    shares = shared(creature.wounds, kind.xp, last) if creature.wounds or last else {}
    rewards = (Reward(player=player, xp=xp, slain=creature.kind) for player, xp in shares.items())
    return (*rewards, Slain(kind=creature.kind, zone=creature.zone, x=creature.x, y=creature.y))


def strike_player(blow_: Blow, player: Fighter, now_ms: int, rng: Dice, *, spares: bool = False) -> Hurt[Fighter]:
    """Let a blow fall on a player. ``spares``: it leaves a life, and no effect."""
    damage = resisted(blow(rng, blow_.attack, player.strength.defence), blow_.element, resists_of(player.strength))
    notifications: tuple[Notification, ...] = ()
    if not spares and _leaves_something(blow_, rng):
        effects = afflicted(player.strength.effects, blow_.inflicts, blow_.by, now_ms)
        player = replace(player, strength=replace(player.strength, effects=effects))
        notifications = (_afflicted(player, blow_),)
    felt = wound_player(player, blow_.by, min(damage, player.health.hp - 1) if spares else damage, now_ms)
    return felt._replace(notifications=(*felt.notifications, *notifications))


def wound_player(player: Fighter, by: str, damage: int, now_ms: int) -> Hurt[Fighter]:
    """Take health from a player, who is dead at none until ``DEAD_MS`` later."""
    hp = max(0, player.health.hp - damage)
    hurt = player.changed(hp=hp, hit_ms=now_ms, dead_until_ms=0 if hp else now_ms + DEAD_MS)
    struck = _struck(by, hurt.body, hp, damage)
    if hp:
        return Hurt(hurt, damage, (struck,))
    dead = replace(hurt, strength=replace(hurt.strength, effects=""))
    body = dead.body
    fall = Fall(player=dead.id, by=by, zone=body.zone, x=body.x, y=body.y)
    return Hurt(dead, damage, (struck, *_death(body, by)), (fall,))


def resists_of(strength: Strength) -> Mapping[str, int]:
    """What a player's armour keeps off, in percent: so much together at most."""
    return {element: min(WORN_RESIST_MAX, percent) for element, percent in gear_in(strength.gear).resists.items()}


def _leaves_something(blow_: Blow, rng: Dice) -> bool:
    return bool(blow_.inflicts) and rng.randint(1, PERMILLE) <= blow_.permille


def _afflicted(player: Fighter, blow_: Blow) -> Notification:
    kind = EFFECTS.get(blow_.inflicts)
    told = Afflicted(kind=blow_.inflicts, effect=kind.title if kind else blow_.inflicts, by=blow_.by)
    return Notification(notice=told, player=player.id)


def _struck(by: str, target: Standing, hp: int, damage: int) -> Notification:
    return Notification(notice=Struck(by=by, target=target.id, damage=damage, hp=hp, v=target.v), to=(cell_of(target),))


def _death(body: Standing, by: str) -> tuple[Notification, ...]:
    return (Notification(notice=Died(who=body.id, by=by), to=(cell_of(body),)), vanishes(body))


def parts_of(thing: Fighter | Creature) -> tuple[Entity, ...]:
    """What is put of who was struck."""
    return (thing,) if isinstance(thing, Creature) else (*thing.parts, thing.strength)
