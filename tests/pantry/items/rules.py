"""Of two who take an item one gets it."""

from msgspec.structs import replace

from gameserver.errors import Rejected
from gameserver.modules.movement.players import actor
from gameserver.rules.needs import Needs, ids, where
from gameserver.rules.outcome import Context, Outcome, State, rule
from tests.pantry.items.entities import Item
from tests.pantry.items.events import Carried, Snatch, Take


def _needs_item(event: Take, context: Context) -> Needs:
    return ids(Item, event.item), where(Item, holder=context.player)


@rule(needs=_needs_item)
def take(state: State, event: Take, context: Context) -> Outcome:
    """The item is carried from now on."""
    taker = actor(state, context)
    item = state.get(Item, event.item)
    if item is None or item.holder:
        raise Rejected("no_such_item", "It does not lie here.")
    mine = [other.id for other in state.of(Item).values() if other.holder == taker.id]
    return Outcome(put=(replace(item, holder=taker.id),), result=Carried(items=(*mine, item.id)))


@rule(needs=lambda event, context: (ids(Item, event.item, look=True), where(Item, holder=context.player)))
def snatch(state: State, event: Snatch, context: Context) -> Outcome:
    """What is looked at is not locked, and so can't be written."""
    item = state.of(Item)[event.item]
    return Outcome(put=(replace(item, holder=context.player),), result=Carried(items=(item.id,)))
