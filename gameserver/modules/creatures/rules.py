"""Creatures of players: tamed, told what to do, let go. What wild ones do stands in ``moods`` and ``wilds``."""

from msgspec.structs import replace

from gameserver.game import Context, Needs, Outcome, Rejected, State, ids, rule
from gameserver.modules.combat.creature_kinds import Kind, kind_of
from gameserver.modules.combat.entities import Creature
from gameserver.modules.combat.fighters import PARTS, Fighter, living_actor
from gameserver.modules.combat.maps import is_safe
from gameserver.modules.creatures.companions import (
    COMPANIONS_MAX,
    companion_ids,
    companions_needs,
    companions_of,
    mine,
    put_away,
    sent_to,
    shown,
    shown_all,
)
from gameserver.modules.creatures.events import Companions, Heel, Order, Ordered, Pets, Release, Tame, Tamed
from gameserver.modules.creatures.moods import FOLLOW, GUARD
from gameserver.modules.movement.bodies import body_of
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import appears, distance, vanishes
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import actor

TAME_REACH = 2
TAME_BELOW = 40  # percent of its health: a stronger one is not tamed
TAME_PERCENT = 50  # how often it works


def _target_and_companions(event: Tame, context: Context) -> Needs:
    return (ids(Creature, event.target), *companions_needs(context.player))


@rule(needs=_target_and_companions, components=PARTS)
def tame(state: State, event: Tame, context: Context) -> Outcome:
    """It is gone from its lair, as if it had died, and follows the player; or it is angry."""
    player = living_actor(state, context)
    creature = _wild(state, event.target)
    kind = kind_of(creature.kind)
    _check_tameable(state, player, creature, kind)
    if context.rng.randint(1, 100) > TAME_PERCENT:
        angry = replace(creature, prey=player.id)
        return Outcome(result=Tamed(done=False, companions=shown_all(state, player.id)), put=(angry,))
    tamed = _tamed(state, player, creature, context)
    gone = _gone(creature, kind, context)
    return Outcome(
        result=Tamed(done=True, companions=[*shown_all(state, player.id), shown(tamed)]),
        put=(gone, tamed),
        notifications=(vanishes(gone), *appears(state, tamed)),
    )


def _wild(state: State, id_: str) -> Creature:
    found = state.get(Creature, id_)
    if found is None or found.dead:
        raise Rejected("no_such_target", "There is no such creature to tame.")
    return found


def _check_tameable(state: State, player: Fighter, creature: Creature, kind: Kind) -> None:
    if creature.owner or not kind.tameable:
        raise Rejected("not_tameable", f"{kind.title} can't be tamed.")
    if is_safe(state.zone(player.body.zone)):
        raise Rejected("safe_zone", "Nobody hunts here.")
    if creature.zone != player.body.zone or distance(creature, player.body) > TAME_REACH:
        raise Rejected("out_of_reach", "Too far away.")
    if creature.hp * 100 > kind.hp_max * TAME_BELOW:
        raise Rejected("too_strong", f"{kind.title} is too strong to be tamed yet.")
    if len(companions_of(state, player.id)) >= COMPANIONS_MAX:
        raise Rejected("too_many_companions", f"Nobody has more than {COMPANIONS_MAX} companions.")


def _tamed(state: State, player: Fighter, creature: Creature, context: Context) -> Creature:
    id_ = next(id_ for id_ in companion_ids(player.id) if state.get(Creature, id_) is None)
    return Creature(
        id=id_,
        kind=creature.kind,
        zone=creature.zone,
        x=creature.x,
        y=creature.y,
        v=context.now_ms,  # its id was another's before: it is newer than all that was seen of that one
        hp=creature.hp,
        mood=FOLLOW,
        owner=player.id,
    )


def _gone(creature: Creature, kind: Kind, context: Context) -> Creature:
    """The creature's place in its lair, empty for as long as after a death."""
    until_ms = context.now_ms + (creature.respawn_ms or kind.respawn_s * 1_000)
    return replace(creature, hp=0, prey="", effects="", wounds="", dead_until_ms=until_ms, v=creature.v + 1)


def _mine(event: Order | Release | Pets, context: Context) -> Needs:
    return companions_needs(context.player)


@rule(needs=_mine, components=PARTS)
def order(state: State, event: Order, context: Context) -> Outcome:
    """It follows from now on, or stays."""
    creature = mine(state, living_actor(state, context).id, event.creature)
    told = replace(creature, mood=GUARD if event.what == GUARD else FOLLOW)
    return Outcome(result=Ordered(companion=shown(told)), put=(told,))


@rule(needs=_mine, components=PARTS)
def release(state: State, event: Release, context: Context) -> Outcome:
    """It is gone."""
    player = actor(state, context)
    creature = mine(state, player.id, event.creature)
    left = [other for other in shown_all(state, player.id) if other.id != creature.id]
    seen = (vanishes(replace(creature, v=creature.v + 1)),) if creature.zone and not creature.dead else ()
    return Outcome(result=Companions(companions=left), drop=(creature,), notifications=seen)


def _list(state: State, event: Pets, context: Context) -> Outcome:
    return Outcome(result=Companions(companions=shown_all(state, context.player)))


@rule(needs=_mine, repeat=_list)
def pets(state: State, event: Pets, context: Context) -> Outcome:
    """Those of a player, dead or alive."""
    return _list(state, event, context)


@rule(needs=lambda event, context: (ids(Creature, event.creature), *body_of(event.owner)))
def heel(state: State, event: Heel, context: Context) -> Outcome:
    """It goes where its owner is, or waits outside of the world for an owner who is not in it."""
    creature, owner = state.get(Creature, event.creature), state.get(Player, event.owner)
    if creature is None or creature.owner != event.owner:
        return Outcome()
    if owner is None or not owner.present:
        return put_away(creature) if creature.zone else Outcome()
    body = state.of(Body)[owner.id]
    if creature.zone and (creature.mood == GUARD or creature.zone == body.zone):
        return Outcome()
    return sent_to(state, creature, body)
