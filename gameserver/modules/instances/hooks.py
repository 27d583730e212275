"""What instances add to others' rules: an instance that is over stirs no more; maps show gates."""

from typing import Any

from msgspec.structs import replace

from gameserver.game import Context, Needs, Outcome, Repeated, State, after, before, ids, template_of
from gameserver.modules.instances.entities import Instance
from gameserver.modules.instances.maps import Gate
from gameserver.modules.movement import events as movement
from gameserver.modules.movement.events import Chart
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


@after("movement.chart")
def maps_show_gates(state: State, event: Chart, context: Context, outcome: Outcome) -> Outcome | None:
    """Tell where one enters instances."""
    charted: Any = outcome.result
    gates = [movement.Gate(x=at.x, y=at.y, zone=gate.template) for at, gate in state.zone(charted.zone).placed(Gate)]
    return Outcome(result=replace(charted, entrances=gates)) if gates else None
