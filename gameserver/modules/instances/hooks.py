"""What instances add to others' rules: an instance that is over stirs no more."""

from gameserver.game import Context, Needs, Repeated, State, before, ids, template_of
from gameserver.modules.instances.entities import Instance
from gameserver.modules.world.events import Stir


def _needs_instance(event: Stir, context: Context) -> Needs:
    return (ids(Instance, event.zone),) if template_of(event.zone) else ()


@before("world.stir", needs=_needs_instance, optional=True)
def what_is_over_stirs_no_more(state: State, event: Stir, context: Context) -> None:
    """Leave out ticks of an instance that is closing or has ended: nothing must be born there."""
    if template_of(event.zone):
        instance = state.get(Instance, event.zone)
        if instance is None or instance.closing:
            raise Repeated("This zone has lived through its last tick.")
