"""What barter adds to others' rules: an offer ends with the connection over which it was made, and with a death."""

from gameserver.game import Context, Event, Needs, Outcome, State, after, ids
from gameserver.modules.barter.entities import Side
from gameserver.modules.barter.events import Lapsed
from gameserver.modules.barter.rules import over
from gameserver.modules.combat.events import Fall
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import comes_and_goes
from gameserver.modules.sessions.rules import silent_sessions


def _needs_side(event: Event, context: Context) -> Needs:
    player = comes_and_goes(event, context)
    return (ids(Side, player),) if player else ()


@after("sessions.login", needs=_needs_side)
@after("sessions.resume", needs=_needs_side)
@after("sessions.rejoin", needs=_needs_side)
@after("sessions.lost", needs=_needs_side)
@after("sessions.logout", needs=_needs_side)
@after("sessions.sweep", needs=lambda event, context: (silent_sessions(context, Side),))
def who_is_cut_off_offers_nothing(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome | None:
    """End the offers of all whose connection is another than before, or none: a line may be found cut only then."""
    players = [thing for thing in outcome.put if isinstance(thing, Player) and _has_changed(state, thing)]
    return _over(state, [player.id for player in players], "left")


def _has_changed(state: State, player: Player) -> bool:
    before = state.before.get(Player, player.id)
    return before is not None and (before.gateway, before.conn) != (player.gateway, player.conn)


@after("combat.fall", needs=lambda event, context: (ids(Side, event.player),))
def the_dead_offer_nothing(state: State, event: Fall, context: Context, outcome: Outcome) -> Outcome | None:
    """End the offer of who has died, whatever it was that killed."""
    return _over(state, [event.player], "died")


def _over(state: State, players: list[str], why: str) -> Outcome | None:
    open_ = [side for id_ in players if (side := state.get(Side, id_)) and side.partner]
    if not open_:
        return None
    told = tuple(Lapsed(player=side.id, partner=side.partner, why=why) for side in open_)
    return Outcome(put=tuple(map(over, open_)), events=told)
