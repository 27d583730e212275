"""What creatures add to others' rules: zones stir in which they live, and those of players come and go with them."""

from typing import Any
from zlib import crc32

from gameserver.game import Context, Event, Needs, Outcome, State, after, distinct, where
from gameserver.modules.combat.entities import Creature, Strength
from gameserver.modules.combat.hooks import HEAL_TICKS, stirring
from gameserver.modules.creatures.companions import companions_needs, companions_of, sent_to
from gameserver.modules.creatures.maps import Lair, lives_at, removed_or_kept
from gameserver.modules.creatures.wilds import Wilds
from gameserver.modules.movement.bodies import bodies_in
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import vanishes
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import comes_and_goes
from gameserver.modules.world.entities import PULSE
from gameserver.modules.world.events import Stir
from gameserver.modules.world.rules import comes_round, lived_through

IDLE_TICKS = 60  # a world of 30 zones in which nobody plays costs a turn a second
MISSED_TICKS = 20

BUSY_ZONES = distinct(Body, "zone", when="present")
COMPANIONS_ZONES = distinct(Creature, "zone", when="abroad")


@after("world.tick", needs=lambda event, context: (BUSY_ZONES, COMPANIONS_ZONES))
def lairs_stir(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome:
    """Let every zone stir whose turn it is.

    Those in which players have creatures about them do on every tick, where only creatures are once in ``IDLE_TICKS``,
    and where none are never. Instances do only while players are in them.
    """
    n, past = lived_through(state, PULSE)
    busy, companions = set(state.values(BUSY_ZONES)), set(state.values(COMPANIONS_ZONES))
    living = [name for name, zone in state.world.zones.items() if zone.placed(Lair)]
    awake = [name for name in living if name in busy or comes_round(n, past, IDLE_TICKS, crc32(name.encode()))]
    instances = [name for name in busy if name not in state.world.zones and state.zone(name).placed(Lair)]
    return stirring(state, (*awake, *instances, *companions), outcome)


def _of_a_zone(event: Stir, context: Context) -> Needs:
    return (bodies_in(event.zone, Strength), where(Creature, zone=event.zone))


@after("world.stir", needs=_of_a_zone)
def creatures_act(state: State, event: Stir, context: Context, outcome: Outcome) -> Outcome:
    """Creatures appear, heal, and do what they are about."""
    if not outcome.put:
        return Outcome()  # a worker with other maps knows the zone
    n, past = lived_through(state, event.zone)
    wilds = Wilds(state, event.zone, context)
    wilds.populate()
    if comes_round(n, past, HEAL_TICKS):
        wilds.heal()
    wilds.act()
    wilds.miss_owners(guards=comes_round(n, past, MISSED_TICKS))
    return wilds.outcome()


@after("building.removeobject", needs=lambda event, context: (where(Creature, zone=event.zone),), optional=True)
def creatures_go_with_their_place(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome:
    """The creatures of a place that a game master took away are gone, with those that they have summoned."""
    gone = [one for one in state.of(Creature).values() if lives_at(one.id, event.object)]
    return Outcome(drop=tuple(gone), notifications=tuple(vanishes(one) for one in gone if not one.dead))


@after("instances.dissolve", needs=lambda event, context: (where(Creature, zone=event.zone),), optional=True)
def creatures_go_with_their_zone(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """What lived in an instance is gone when that has ended; players' creatures go with their owners, or wait."""
    if not (outcome.put or outcome.drop):
        return None
    ended = [_put_out(state, one) for one in state.of(Creature).values() if one.zone == event.zone]
    put, drop, notifications, events = (
        tuple(thing for one in ended for thing in getattr(one, part))
        for part in ("put", "drop", "notifications", "events")
    )
    return Outcome(put=put, drop=drop, notifications=notifications, events=events)


def _put_out(state: State, creature: Creature) -> Outcome:
    """A creature leaves a zone that has ended. One whose owner is not known to be here looks for its owner."""
    owner, body = state.get(Player, creature.owner), state.get(Body, creature.owner)
    if owner is not None and body is not None and owner.present:
        return sent_to(state, creature, body)
    return removed_or_kept(state, creature)


def _companions(event: Event, context: Context) -> Needs:
    player = comes_and_goes(event, context)
    return companions_needs(player) if player else ()


@after("sessions.register", needs=_companions)
@after("sessions.login", needs=_companions)
@after("sessions.resume", needs=_companions)
@after("sessions.rejoin", needs=_companions)
def companions_come_along(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome | None:
    """Those who enter have their creatures beside them that waited for them."""
    entered = [thing for thing in outcome.put if isinstance(thing, Player) and thing.present]
    waiting = [(one, player.id) for player in entered for one in companions_of(state, player.id) if not one.zone]
    come = [sent_to(state, creature, state.of(Body)[owner]) for creature, owner in waiting]
    return Outcome(
        put=tuple(thing for one in come for thing in one.put),
        notifications=tuple(told for one in come for told in one.notifications),
    )
