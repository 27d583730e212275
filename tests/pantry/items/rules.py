"""Of two who take an item one gets it."""

from msgspec.structs import replace

from gameserver.errors import Rejected
from gameserver.modules.sessions.players import actor
from gameserver.rules.needs import Needs, ids, where
from gameserver.rules.outcome import Context, Outcome, State, rule
from tests.pantry.items.entities import Item, Jar, Shelved
from tests.pantry.items.events import Carried, Eat, Pour, Shelve, Snatch, Take


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


@rule(needs=lambda event, context: (ids(Item, event.item), ids(Shelved, event.item)))
def shelve(state: State, event: Shelve, context: Context) -> Outcome:
    """It is an item no more, and stands on the shelf."""
    item = state.get(Item, event.item)
    if item is None or item.holder != context.player:
        raise Rejected("no_such_item", "You do not carry it.")
    return Outcome(drop=(item,), put=(Shelved(id=item.id, kind=item.kind),))


@rule(needs=lambda event, context: (ids(Jar, event.jar, event.into),))
def pour(state: State, event: Pour, context: Context) -> Outcome:
    """One jar is empty, and the other holds what was in both."""
    jar, into = state.get(Jar, event.jar), state.get(Jar, event.into)
    if jar is None or into is None or jar is into or jar.kind != into.kind:
        raise Rejected("no_such_jar", "These can't be poured together.")
    return Outcome(put=(replace(jar, grams=0), replace(into, grams=into.grams + jar.grams)))


@rule(needs=lambda event, context: (ids(Jar, event.jar),))
def eat(state: State, event: Eat, context: Context) -> Outcome:
    """It is gone."""
    jar = state.get(Jar, event.jar)
    if jar is None:
        raise Rejected("no_such_jar", "There is no such jar.")
    return Outcome(put=(replace(jar, grams=0),))
