"""Whole records for tests: an entity and all that stands in its rows, as one value with the fields of all of them.

A player is a record of several modules' components. A test says ``player("Ada", x=3, hp=5)`` and asks ``ada.x``, where
rules know each component by itself.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from msgspec.structs import asdict

from gameserver.declare.entity import Entity, kinds, sharing
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.rules.outcome import State


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """An entity with the fields of all components that stand in its rows."""

    kinds: ClassVar[tuple[type[Entity], ...]] = ()

    @property
    def parts(self) -> tuple[Entity, ...]:
        """The entity and its components, as rules know them."""
        return tuple(kind(*(getattr(self, name) for name in kind.__struct_fields__)) for kind in self.kinds)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


@once_per_reading
def whole_kind(owner: type[Entity]) -> type[Whole]:
    """Make the type of the whole records of an entity."""
    fields = {field.name: field for kind in sharing(owner) for field in msgspec.structs.fields(kind)}
    properties = {name: value for name, value in vars(owner).items() if isinstance(value, property)}
    return msgspec.defstruct(  # type: ignore[return-value]
        f"Whole{owner.__name__}",
        [(f.name, f.type) if f.required else (f.name, f.type, f.default) for f in fields.values()],
        bases=(Whole,),
        namespace={**properties, "kinds": sharing(owner)},
        frozen=True,
        kw_only=True,
    )


def whole(owner: type[Entity], parts: Iterable[Entity]) -> Whole:
    """Put the parts of one record together."""
    return whole_kind(owner)(**{name: value for part in parts for name, value in asdict(part).items()})


def wholes(state: State, owner: type[Entity]) -> dict[str, Whole]:
    """Return the records of a kind whose parts were all loaded, by id."""
    parts = sharing(owner)
    ids = [id_ for id_ in state.of(owner) if all(id_ in state.of(part) for part in parts)]
    return {id_: whole(owner, (state.of(part)[id_] for part in parts)) for id_ in ids}


def parts_of(*things: Entity | Whole) -> list[Entity]:
    """Take whole records apart, and leave other entities as they are."""
    return [part for thing in things for part in (thing.parts if isinstance(thing, Whole) else (thing,))]


def put_together(things: Iterable[Entity]) -> Iterator[Entity | Whole]:
    """Put what an outcome puts together again, where all parts of a record are there."""
    rest = list(things)
    for owner in [kind for kind in kinds() if len(sharing(kind)) > 1 and kind.spec.of is None]:
        for id_ in dict.fromkeys(thing.id for thing in rest):
            mine = [thing for thing in rest if thing.id == id_ and type(thing) in sharing(owner)]
            if len(mine) == len(sharing(owner)):
                rest = [thing for thing in rest if thing not in mine]
                yield whole(owner, mine)
    yield from rest
