"""What becomes of things when maps and kinds change: none is left where nobody can reach it.

What is put out lies for ever, until somebody takes it: nobody was told that it is there.
"""

from msgspec.structs import replace

from gameserver.game import Outcome, State, World, fitting
from gameserver.modules.items.entities import Item
from gameserver.modules.items.ground import lies
from gameserver.modules.items.kinds import kind_of
from gameserver.modules.items.things import container_of
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.relocation import misplaced, place


def _at(item: Item) -> Body:
    """Where a thing lies, as if a player stood there: both can be where one can walk."""
    return Body(id=item.id, zone=item.zone, x=item.x, y=item.y)


def _moved(world: World, item: Item, where: Body) -> Item:
    zone, x, y = place(world, where)
    return replace(item, holder="", zone=zone, x=x, y=y, lies_until_ms=0, v=item.v + 1)


def out_of_reach(world: World, item: Item) -> str:
    """Why what lies on a tile can't stay there, "" when it can."""
    if not lies(item) or not misplaced(world, _at(item)):
        return ""
    if world.zone(item.zone) is None:
        return f"things in zone {item.zone}, which is gone, lie at a spawn of {world.start}"
    return f"things in walls or outside of {item.zone} lie on the nearest free tile"


def laid_elsewhere(state: State, item: Item) -> Outcome:
    """What lay on a tile lies on another one, and for as long as it would have."""
    return Outcome(put=(replace(_moved(state.world, item, _at(item)), lies_until_ms=item.lies_until_ms),))


def put_out(state: State, item: Item) -> Outcome:
    """What was kept in something that is gone lies at a spawn of the start."""
    return Outcome(put=(_moved(state.world, item, Body(id=item.id, zone="", x=0, y=0)),))


def contained_in_none(world: World, item: Item, other: Item | None) -> str:
    """Why what is in a container can't stay there. ``other``: the container; its kind may hold nothing any more."""
    if not container_of(item) or (other is not None and kind_of(other.kind).holds):
        return ""
    if other is None:
        return f"things in containers that are gone lie at a spawn of {world.start}"
    return f"things in what holds nothing any more ({other.kind}) are where that is"


def taken_out(state: State, item: Item) -> Outcome:
    """It is where its container is, if somebody can take it there; otherwise it lies at a spawn of the start."""
    container = state.get(Item, container_of(item))
    if container is None or ":" in container.holder:
        return put_out(state, item)
    there = replace(item, holder=container.holder, zone=container.zone, x=container.x, y=container.y, v=item.v + 1)
    return Outcome(put=(there,))


fitting(Item, misfit=contained_in_none, cure=taken_out, beside=container_of)
fitting(Item, misfit=out_of_reach, cure=laid_elsewhere)
