"""Duels by consent: challenge, accept, and nobody dies.

A duel ends when one has ``LEFT_HP`` left, gives up, leaves the zone (or the world), or when its time is over. The
zone's next tick finds who has left.
"""

from collections.abc import Iterable

from gameserver.game import Context, Entity, Needs, Notification, Outcome, Rejected, State, awaited, ids, rule, where
from gameserver.modules.combat.entities import Duel, Health
from gameserver.modules.combat.events import (
    AcceptDuel,
    Challenge,
    Challenged,
    DeclineDuel,
    DuelBegan,
    DuelEnded,
    Forfeit,
    Rivalry,
)
from gameserver.modules.combat.fighters import PARTS, Fighter, fighter_needs, fighter_of, living_actor
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import distance
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import actor, player_id

CHALLENGE_MS = 30_000  # so long a challenge may be accepted
DUEL_MS = 300_000  # so long a duel lasts
NEAR_TILES = 8
LEFT_HP = 1

DUEL_PARTS: tuple[type[Entity], ...] = (*PARTS, Duel)


def duelists(player: str) -> Needs:
    """Select a player with its duel."""
    return (*fighter_needs(player), ids(Duel, player))


def duels_in(zone: str) -> Needs:
    """Select those who fight a duel in a zone, wherever they are by now."""
    return (where(Duel, when="fighting", duel_zone=zone, components=(Player, Body, Health)),)


def are_fighting(ours: Duel, theirs: Duel, now_ms: int) -> bool:
    """Whether two players fight a duel with each other."""
    return (
        (ours.rival, theirs.rival) == (theirs.id, ours.id)
        and ours.duel_zone == theirs.duel_zone != ""
        and awaited(ours.rival_until_ms, now_ms, DUEL_MS)
    )


def _of_both(event: Challenge | AcceptDuel | DeclineDuel, context: Context) -> Needs:
    return duelists(player_id(event.to))


def _rival(state: State, me: Fighter, name: str) -> Fighter:
    """The other one, in the world, alive and near. Raises ``Rejected``."""
    found = state.get(Player, player_id(name))
    if found is None or found.id == me.id:
        raise Rejected("no_such_player", f"There is no other player called {name}.")
    if not found.present:
        raise Rejected("offline", f"{found.name} is not in the world.")
    there = fighter_of(state, found.id)
    if there.dead:
        raise Rejected("not_alive", f"{found.name} is dead, for the moment.")
    if there.body.zone != me.body.zone or distance(there.body, me.body) > NEAR_TILES:
        raise Rejected("out_of_reach", f"{found.name} is too far away.")
    return there


def _is_open(duel: Duel, now_ms: int) -> bool:
    """Whether a challenge may still be accepted."""
    return bool(duel.rival) and not duel.duel_zone and awaited(duel.rival_until_ms, now_ms, CHALLENGE_MS)


def _check_free(state: State, player: Fighter, now_ms: int) -> None:
    duel = state.of(Duel)[player.id]
    if duel.duel_zone and awaited(duel.rival_until_ms, now_ms, DUEL_MS):
        raise Rejected("in_a_duel", f"{player.name} fights a duel.")


@rule(needs=_of_both, components=DUEL_PARTS)
def challenge(state: State, event: Challenge, context: Context) -> Outcome:
    """The other one is told, and may accept for a while. A later challenge takes the place of an earlier one."""
    me = living_actor(state, context)
    rival = _rival(state, me, event.to)
    for player in (me, rival):
        _check_free(state, player, context.now_ms)
    until_ms = context.now_ms + CHALLENGE_MS
    mine = Duel(id=me.id, rival=rival.id, rival_until_ms=until_ms)
    told = Notification(notice=Challenged(by=me.name, until_ms=until_ms), player=rival.id)
    return Outcome(result=Rivalry(rival=rival.name, until_ms=until_ms), put=(mine,), notifications=(told,))


@rule(needs=_of_both, components=DUEL_PARTS)
def acceptduel(state: State, event: AcceptDuel, context: Context) -> Outcome:
    """The duel begins, here."""
    me = living_actor(state, context)
    rival = _rival(state, me, event.to)
    for player in (me, rival):
        _check_free(state, player, context.now_ms)
    theirs = state.of(Duel)[rival.id]
    if theirs.rival != me.id or not _is_open(theirs, context.now_ms):
        raise Rejected("not_challenged", f"{rival.name} has not challenged you, or it was too long ago.")
    until_ms = context.now_ms + DUEL_MS
    began = DuelBegan(players=[rival.name, me.name], until_ms=until_ms)
    return Outcome(
        result=Rivalry(rival=rival.name, until_ms=until_ms),
        put=(_fighting(me, rival, until_ms), _fighting(rival, me, until_ms)),
        notifications=told(began, (me.id, rival.id)),
    )


def _fighting(player: Fighter, rival: Fighter, until_ms: int) -> Duel:
    return Duel(id=player.id, rival=rival.id, rival_until_ms=until_ms, duel_zone=player.body.zone)


@rule(needs=_of_both, components=DUEL_PARTS)
def declineduel(state: State, event: DeclineDuel, context: Context) -> Outcome:
    """The challenge between the two, whoever made it, is no more."""
    me = actor(state, context)
    rival = state.get(Player, player_id(event.to))
    sides = [state.get(Duel, id_) for id_ in (me.id, player_id(event.to))]
    made = [side for side in sides if side and _is_open(side, context.now_ms) and {side.id, side.rival} == _both(sides)]
    if rival is None or rival.id == me.id or not made:
        raise Rejected("not_challenged", "There is no challenge between you.")
    ended = DuelEnded(players=[me.name, rival.name], winner="", why="declined")
    return Outcome(put=tuple(Duel(id=side.id) for side in made), notifications=told(ended, (me.id, rival.id)))


def _both(sides: Iterable[Duel | None]) -> set[str]:
    return {side.id for side in sides if side is not None}


@rule(components=DUEL_PARTS)
def forfeit(state: State, event: Forfeit, context: Context) -> Outcome:
    """The other one has won, as the zone's next tick finds."""
    me = actor(state, context)
    mine = state.of(Duel)[me.id]
    if not mine.duel_zone or not awaited(mine.rival_until_ms, context.now_ms, DUEL_MS):
        raise Rejected("no_duel", "You fight no duel.")
    ended = DuelEnded(players=[me.name, mine.rival], winner=mine.rival, why="forfeited")
    return Outcome(put=(Duel(id=me.id),), notifications=told(ended, (me.id,)))


def over(state: State, *sides: Duel, winner: str, why: str) -> Outcome:
    """A duel is over, and both are told. ``winner``: an id, "" for nobody."""
    players = state.of(Player)
    names = [players[side.id].name for side in sides]
    ended = DuelEnded(players=names, winner=players[winner].name if winner else "", why=why)
    return Outcome(
        put=tuple(Duel(id=side.id) for side in sides), notifications=told(ended, [side.id for side in sides])
    )


def told(notice: DuelBegan | DuelEnded, players: Iterable[str]) -> tuple[Notification, ...]:
    """Tell both."""
    return tuple(Notification(notice=notice, player=player) for player in players)


def ended_in(state: State, zone: str, now_ms: int) -> Outcome:
    """End what duels of a zone have lost one of both, by leaving or by death, or have taken too long."""
    fighting = {duel.id: duel for duel in state.of(Duel).values() if duel.duel_zone == zone}
    put: dict[str, Entity] = {}
    notifications: list[Notification] = []
    for duel in sorted(fighting.values(), key=lambda one: one.id):
        if duel.id not in put and (more := _ended(state, duel, fighting.get(duel.rival), zone, now_ms)):
            put |= {thing.id: thing for thing in more.put}
            notifications += more.notifications
    return Outcome(put=tuple(put.values()), notifications=tuple(notifications))


def _ended(state: State, duel: Duel, rival: Duel | None, zone: str, now_ms: int) -> Outcome | None:
    if rival is None or rival.rival != duel.id:
        return over(state, duel, winner=duel.id, why="forfeited")
    here = [side.id for side in (duel, rival) if _is_here(state, side.id, zone)]
    if len(here) == 1:
        return over(state, duel, rival, winner=here[0], why="forfeited")
    if not here or not are_fighting(duel, rival, now_ms):
        return over(state, duel, rival, winner="", why="over")
    return None


def _is_here(state: State, player: str, zone: str) -> bool:
    dead = state.of(Health)[player].dead_until_ms > 0
    return state.of(Player)[player].present and state.of(Body)[player].zone == zone and not dead
