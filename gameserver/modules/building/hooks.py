"""What building adds to others' rules: who looks around reads signs."""

from gameserver.game import Context, Event, Notification, Outcome, State, after
from gameserver.modules.building.events import Signs
from gameserver.modules.building.maps import Sign
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import sight

SIGNS_MAX = 20  # that are told of one look


@after("movement.look", components=(Body,))
def signs_are_read(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome | None:
    """Tell what the signs in view say, if there are any."""
    zone, left, top, right, bottom = sight(state.of(Body)[context.player])
    placed = state.zone(zone).placed(Sign)
    texts = [sign.text for at, sign in placed if left <= at.x <= right and top <= at.y <= bottom]
    if not texts:
        return None
    told = Notification(notice=Signs(texts=texts[:SIGNS_MAX]), conn=context.conn, gateway=context.gateway)
    return Outcome(notifications=(told,))
