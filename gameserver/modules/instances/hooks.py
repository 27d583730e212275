"""What instances add to others' rules: one that is over stirs no more, and who walks out of one is no visitor of it.

A creature whose death is applied after the end of its instance has left things in a zone to which no way leads.
"""

from typing import Any

from gameserver.game import Context, Needs, Outcome, Repeated, State, after, before, ids, template_of
from gameserver.modules.instances.entities import ENDED, Instance
from gameserver.modules.instances.events import Dissolve, LeftInstance
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Move
from gameserver.modules.world.events import Stir


def _needs_instance(event: Any, context: Context) -> Needs:
    return (ids(Instance, event.zone),) if template_of(event.zone) else ()


@before("world.stir", needs=_needs_instance, optional=True)
def what_is_over_stirs_no_more(state: State, event: Stir, context: Context) -> None:
    """Leave out ticks of an instance that is closing or has ended: nothing must be born there."""
    if template_of(event.zone):
        instance = state.get(Instance, event.zone)
        if instance is None or instance.closing:
            raise Repeated("This zone has lived through its last tick.")


@after("combat.slain", needs=_needs_instance, optional=True)
def what_died_late_leaves_nothing_there(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """Empty an instance once more that had ended already: at once, where ``tendinstances`` would do it too."""
    instance = state.get(Instance, event.zone)
    ended = instance is not None and instance.closing == ENDED
    return Outcome(events=(Dissolve(zone=event.zone, visitors=[]),)) if ended else None


def _walks_out(state: State, event: Move, context: Context, outcome: Outcome) -> bool:
    """Whether a step leads out of an instance. It is asked of every step."""
    walked: Any = outcome.result
    left = state.things[Body][context.player].zone
    return bool(walked.zone != left and template_of(left))


@after("movement.move", only=_walks_out)
def who_walks_out_is_no_visitor(state: State, event: Move, context: Context, outcome: Outcome) -> Outcome:
    """By an event of its own: no step asks for the row of an instance."""
    return Outcome(events=(LeftInstance(player=context.player, zone=state.before.of(Body)[context.player].zone),))
