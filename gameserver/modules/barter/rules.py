"""Barter: the versions of both offers say what was agreed upon; one outcome makes both ends of it.

Death and a cut line end an offer (``hooks``). That partners are near, alive and in the world, and still have what they
offer, is looked at besides in the moment in which it changes hands.
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from gameserver.game import (
    Context,
    Entity,
    Listing,
    Needs,
    Notification,
    Outcome,
    Rejected,
    State,
    awaited,
    ids,
    mail_count,
    portion,
    rule,
)
from gameserver.modules.barter.entities import Goods, Side
from gameserver.modules.barter.events import (
    LAPSED,
    Accept,
    Accepted,
    Agreed,
    Lapse,
    Lapsed,
    Offer,
    Proposal,
    Proposed,
    Retract,
    Retracted,
    Traded,
)
from gameserver.modules.combat.fighters import Fighter
from gameserver.modules.items import carriers
from gameserver.modules.items.entities import Item
from gameserver.modules.items.things import Moved, changes, held, mine, portable, received, rows_of, shown
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import Named, actor, check_mailbox, player_id
from gameserver.modules.trade.entities import Purse

REACH = 8  # tiles
OFFER_MS = 120_000  # so long an offer is open
LAPSED_MAX = 100  # in one turn; the rest comes with the next
NOTHING = "[]"


def _of_both(event: Offer | Accept | Retract, context: Context) -> Needs:
    partner = player_id(event.to)
    return (
        *carriers.needs_of(partner),
        ids(Purse, partner),
        ids(Side, partner),
        *rows_of(context.player, partner),
        mail_count(partner),
        mail_count(context.player),
    )


PARTS: tuple[type[Entity], ...] = (*carriers.PARTS, Purse, Side)


@rule(needs=_of_both, components=PARTS)
def offer(state: State, event: Offer, context: Context) -> Outcome:
    """The partner is told what is offered; what either has accepted so far was another offer."""
    me = carriers.standing(state, context)
    partner = carriers.partner(state, me, event.to, REACH)
    things = [portable(mine(state, me.id, id_)) for id_ in dict.fromkeys(event.things)]
    _check_coins(state, me, event.coins)
    goods = [Goods(thing.id, thing.count, thing.used) for thing in things]
    before = state.of(Side)[me.id]
    made = replace(
        before,
        partner=partner.id,
        things=msgspec.json.encode(goods).decode(),
        coins=event.coins,
        version=before.version + 1,
        accepted=0,
        until_ms=context.now_ms + OFFER_MS,
    )
    told = Proposed(by=me.name, things=[shown(thing) for thing in things], coins=made.coins, version=made.version)
    return Outcome(
        result=Proposal(version=made.version),
        put=(made,),
        notifications=(Notification(notice=told, player=partner.id),),
    )


def _check_coins(state: State, player: Named, coins: int) -> None:
    if state.of(Purse)[player.id].coins < coins:
        raise Rejected("too_few_coins", f"{player.name} has fewer than {coins} coins.")


@rule(needs=_of_both, components=PARTS)
def accept(state: State, event: Accept, context: Context) -> Outcome:
    """It is agreed to, or made where the partner has agreed already."""
    me = carriers.standing(state, context)
    partner = carriers.partner(state, me, event.to, REACH)
    ours, theirs = state.of(Side)[me.id], state.of(Side)[partner.id]
    for side, other in ((theirs, me), (ours, partner)):
        if side.partner != other.id or not awaited(side.until_ms, context.now_ms, OFFER_MS):
            raise Rejected("no_offer", "Both must have an offer to each other, be it of nothing.")
    if theirs.version != event.version:
        raise Rejected("offer_changed", f"{partner.name} offers something else by now.")
    if theirs.accepted == ours.version:
        return exchange(state, (me, partner), (ours, theirs))
    told = Notification(notice=Accepted(by=me.name, version=ours.version), player=partner.id)
    agreed = replace(ours, accepted=theirs.version)
    return Outcome(result=Agreed(done=False, coins=state.of(Purse)[me.id].coins), put=(agreed,), notifications=(told,))


def exchange(state: State, players: tuple[Fighter, Fighter], sides: tuple[Side, Side]) -> Outcome:
    """Things and coins change hands, in both directions at once. ``players``: who accepted last, and the other."""
    me, partner = players
    check_mailbox(state, partner)
    given, got = (_goods(state, player, side) for player, side in zip(players, sides, strict=True))
    moved = _into(state, me, given, got), _into(state, partner, got, given)
    coins = sides[1].coins - sides[0].coins
    mine_, theirs = (state.of(Purse)[player.id] for player in players)
    purses = replace(mine_, coins=mine_.coins + coins), replace(theirs, coins=theirs.coins - coins)
    told = Traded(by=me.name, things=[shown(thing) for thing in given], coins=purses[1].coins)
    return Outcome(
        result=Agreed(done=True, coins=purses[0].coins),
        put=changes(*purses, *map(over, sides), *moved[0].put, *moved[1].put),
        drop=(*moved[0].drop, *moved[1].drop),
        notifications=(Notification(notice=told, player=partner.id),),
    )


def _goods(state: State, player: Named, side: Side) -> list[Item]:
    """What a side has offered, as it is. Raises ``Rejected``: ``too_few_coins``, ``offer_changed``."""
    _check_coins(state, player, side.coins)
    found = [(offered, state.get(Item, offered.id)) for offered in side.goods]
    for offered, thing in found:
        if thing is None or (thing.holder, thing.count, thing.used) != (player.id, offered.count, offered.used):
            raise Rejected("offer_changed", f"{player.name} has no longer all that was offered.")
    return [thing for _, thing in found if thing is not None]


def _into(state: State, player: Named, given: Sequence[Item], got: Sequence[Item]) -> Moved:
    """What a player gets, beside what stays. Raises ``Rejected`` ``too_many_things``."""
    gone = {thing.id for thing in given}
    return received([thing for thing in held(state, player.id) if thing.id not in gone], got, player.id)


def over(side: Side) -> Side:
    """The side of a trade that is over; nobody can accept by the old number."""
    return replace(side, partner="", things=NOTHING, coins=0, version=side.version + 1, accepted=0, until_ms=0)


@rule(needs=_of_both, components=PARTS)
def retract(state: State, event: Retract, context: Context) -> Outcome:
    """Nothing is offered any more, and the partner is told, wherever both are."""
    me = actor(state, context)
    partner = carriers.other(state, me, event.to)
    side = state.of(Side)[me.id]
    if side.partner != partner.id:
        raise Rejected("no_offer", f"You offer nothing to {partner.name}.")
    told = Notification(notice=Retracted(by=me.name, to=partner.name, why="retracted"), player=partner.id)
    return Outcome(put=(over(side),), notifications=(told,))


OPEN: Listing[Side] = portion(Side, LAPSED_MAX, "until_ms", 0)


@rule(needs=lambda event, context: (OPEN,))
def lapse(state: State, event: Lapse, context: Context) -> Outcome:
    """Each offer that was open for too long is closed by an event of its own, which locks it."""
    due = [side for side in state.found(OPEN) if _has_lapsed(side, context.now_ms)]
    return Outcome(events=tuple(Lapsed(player=side.id, partner=side.partner) for side in due))


def _has_lapsed(side: Side, now_ms: int) -> bool:
    return side.until_ms > 0 and not awaited(side.until_ms, now_ms, OFFER_MS)


@rule(
    needs=lambda event, context: (ids(Player, event.player, event.partner), ids(Side, event.player)),
)
def lapsed(state: State, event: Lapsed, context: Context) -> Outcome:
    """It is over, and both are told: by an event of its own, because who ends an offer may not know the partner."""
    if event.why != LAPSED:
        return Outcome(notifications=_told_both(state, event))
    side = state.get(Side, event.player)
    if side is None or side.partner != event.partner or not _has_lapsed(side, context.now_ms):
        return Outcome()
    return Outcome(put=(over(side),), notifications=_told_both(state, event))


def _told_both(state: State, event: Lapsed) -> tuple[Notification, ...]:
    both = (event.player, event.partner)
    by, to = (player.name if (player := state.get(Player, id_)) else id_ for id_ in both)
    return tuple(Notification(notice=Retracted(by=by, to=to, why=event.why), player=id_) for id_ in both)
