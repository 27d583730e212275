"""What groups add to others' rules: players hear their group, and enter instances with it."""

from gameserver.game import Context, Event, Needs, Outcome, State, after, before, ids
from gameserver.modules.groups.entities import Member
from gameserver.modules.groups.rules import watch_group
from gameserver.modules.sessions.players import comes_and_goes


def _needs_member(event: Event, context: Context) -> Needs:
    player = comes_and_goes(event, context)
    return (ids(Member, player, look=True),) if player else ()


@after("sessions.login", needs=_needs_member)
@after("sessions.resume", needs=_needs_member)
@after("sessions.rejoin", needs=_needs_member)
def hears_its_group(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome | None:
    """Let the connection watch the group of the player for whom it plays."""
    if outcome.follow is None or not outcome.follow.player:
        return None
    member = state.get(Member, outcome.follow.player)
    return Outcome(follow=watch_group(member.in_group if member else ""))


@before("instances.enter", needs=lambda event, context: (ids(Member, context.player),), optional=True)
def enters_with_its_group(state: State, event: Event, context: Context) -> None:
    """Lock the player's membership, which the rule asks for (``group_in``): a game without groups loads none."""
