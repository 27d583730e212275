"""What chat adds to others' rules: who enters hears the channels that it is in."""

from gameserver.game import Context, Event, Needs, Outcome, State, after, where
from gameserver.modules.chat.entities import Membership
from gameserver.modules.chat.rules import memberships, watch_channels
from gameserver.modules.sessions.players import comes_and_goes


def _needs_memberships(event: Event, context: Context) -> Needs:
    player = comes_and_goes(event, context)
    return (where(Membership, player=player),) if player else ()


@after("sessions.register", needs=_needs_memberships)
@after("sessions.login", needs=_needs_memberships)
@after("sessions.resume", needs=_needs_memberships)
@after("sessions.rejoin", needs=_needs_memberships)
def hears_channels(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome | None:
    """Let the connection watch the channels of the player for whom it plays."""
    if outcome.follow is None or not outcome.follow.player:
        return None
    return Outcome(follow=watch_channels({*memberships(state, outcome.follow.player)}))
