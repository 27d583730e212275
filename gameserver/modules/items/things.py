"""Things from place to place: what every module that keeps things does with them. Pure, and counts no piece twice.

A thing moves by its ``holder``: it leaves one place as it comes into the other, because it is one row.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from gameserver.game import Entity, Needs, Rejected, Rows, State, where
from gameserver.modules.items.entities import Item
from gameserver.modules.items.events import Thing
from gameserver.modules.items.kinds import kind_of

IN_CONTAINER = "in:"  # the places of what is in containers begin so
CARRIED_MAX = 40  # things that a player carries, a stack counting one


class Moved(NamedTuple):
    """What changes of rows: to be put, and to be dropped."""

    put: tuple[Item, ...] = ()
    drop: tuple[Item, ...] = ()


def worn_by(player: str) -> str:
    """The place of what a player wears."""
    return f"worn:{player}"


def inside(container: str) -> str:
    """The place of what is in a container."""
    return f"{IN_CONTAINER}{container}"


def container_of(thing: Item) -> str:
    """The id of the container in which a thing is, "" for none."""
    return thing.holder.removeprefix(IN_CONTAINER) if thing.holder.startswith(IN_CONTAINER) else ""


def carried_needs(player: str) -> Needs:
    """Select what a player carries, to be changed."""
    return (where(Item, holder=player),)


def held(state: State, holder: str) -> list[Item]:
    """What is in a place, as far as it was loaded, by id."""
    return sorted((item for item in state.of(Item).values() if item.holder == holder), key=lambda item: item.id)


def mine(state: State, player: str, id_: str) -> Item:
    """A thing that a player carries. Raises ``Rejected`` ``not_yours``: of what is not there, or is another's."""
    found = state.get(Item, id_)
    if found is None or not found.holder or found.holder != player:
        raise Rejected("not_yours", "You do not carry that.")
    return found


def in_place(state: State, holder: str, id_: str) -> Item:
    """A thing that is in a place. Raises ``Rejected`` ``no_such_thing``."""
    found = state.get(Item, id_)
    if found is None or found.holder != holder:
        raise Rejected("no_such_thing", "There is no such thing there.")
    return found


def portable(item: Item) -> Item:
    """A thing that may be sent, sold or stored. Raises ``Rejected`` ``holds_things`` of a container.

    Nobody could see what is in it, and whether it is the same when it arrives.
    """
    if kind_of(item.kind).holds:
        raise Rejected("holds_things", "A container can only be carried, dropped or handed over.")
    return item


def placed(item: Item, holder: str) -> Item:
    """The same thing in another place."""
    return replace(item, holder=holder, zone="", x=0, y=0, lies_until_ms=0, v=item.v + 1)


def made(kind: str, count: int, id_: str, holder: str) -> Item:
    """A new thing, or a stack of so many. Only events that are declared as sources make any."""
    return Item(id=id_, kind=kind, count=count if kind_of(kind).stacks else 0, holder=holder)


def received(there: Sequence[Item], coming: Iterable[Item], holder: str, most: int = CARRIED_MAX) -> Moved:
    """Things come into a place, stacks are filled up first. Raises ``Rejected`` ``too_many_things``.

    ``there``: what is in the place already (and stays there); ``most``: how many things it holds.
    """
    kept = {item.id: item for item in there}
    changed: dict[str, Item] = {}
    drop: list[Item] = []
    for item in coming:
        rest = item.count
        for stack in _open(kept.values(), item):
            if rest:
                poured = min(rest, kind_of(item.kind).stack - stack.count)
                rest -= poured
                kept[stack.id] = changed[stack.id] = replace(stack, count=stack.count + poured)
        if item.count and not rest:
            drop.append(item)
        else:
            kept[item.id] = changed[item.id] = replace(placed(item, holder), count=rest)
    check_room(len(kept), max(most, len(there)))
    return Moved(tuple(changed.values()), tuple(drop))


def check_room(things: int, most: int = CARRIED_MAX) -> None:
    """Raise ``Rejected`` ``too_many_things`` where so many have no room."""
    if things > most:
        raise Rejected("too_many_things", f"No more than {most} things have room there.")


def _open(there: Iterable[Item], item: Item) -> list[Item]:
    """Stacks to which something of a stack can be added."""
    room = kind_of(item.kind).stack
    return [stack for stack in there if item.count and stack.kind == item.kind and stack.count < room]


def taken(items: Sequence[Item], kind: str, count: int) -> Moved:
    """Take so many of a kind away from what is there. Raises ``Rejected`` ``too_few_things``.

    Only events that are declared as sinks destroy any.
    """
    left, put, drop = count, list[Item](), list[Item]()
    for item in (item for item in items if item.kind == kind):
        if not left:
            break
        pieces = min(left, item.count or 1)
        left -= pieces
        if pieces < item.count:
            put.append(replace(item, count=item.count - pieces))
        else:
            drop.append(item)
    if left:
        raise Rejected("too_few_things", f"You need {count} of {kind_of(kind).title}, and have {count - left}.")
    return Moved(tuple(put), tuple(drop))


def all_taken(items: Sequence[Item], kinds: Mapping[str, int]) -> Moved:
    """Take so many of each of these kinds away. Raises the same."""
    parts = [taken(items, kind, count) for kind, count in kinds.items()]
    return Moved(
        tuple(item for part in parts for item in part.put), tuple(item for part in parts for item in part.drop)
    )


def left_of(items: Sequence[Item], moved: Moved) -> list[Item]:
    """What is left of things after some of them were taken away."""
    changed = {item.id: item for item in moved.put}
    gone = {item.id for item in moved.drop}
    return [changed.get(item.id, item) for item in items if item.id not in gone]


def shown(item: Item) -> Thing:
    """A thing as its owner sees it."""
    return Thing(id=item.id, kind=item.kind, title=kind_of(item.kind).title, count=item.count, used=item.used)


def changes(*things: Any) -> tuple[Entity, ...]:
    """Entities in one tuple, each as it was changed last."""
    return tuple({(type(thing), thing.id): thing for thing in things}.values())


def rows_of(*holders: str) -> Needs:
    """Select what is in these places, to be changed."""
    return (Rows(Item, "holder", holders),)
