"""Packets in parts: a module adds fields to a result, or to what notices tell of, that another module declares.

The module that declares the whole knows nothing of what is added. The one that knows more declares a part, in its own
``events.py``:

    class BeingHealth(Part):
        hp: int
        hp_max: int = 100

    adds(Being, BeingHealth, before="v")

and fills it where it has something to say (``Outcome(parts=(BeingHealth(hp=3),))``). Clients are sent one map with the
fields of all; documents and types for clients show it so. In a game without the module its fields are absent.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from inspect import getdoc
from types import GenericAlias
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, asdict

from gameserver.declare.field_descriptions import hints
from gameserver.declare.game_package import parts as modules_parts
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.source_locations import caller
from gameserver.errors import Corrupt


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what a module adds to another's packet: fields, with bounds and descriptions like those of results."""


P = TypeVar("P", bound=Part)
S = TypeVar("S", bound=msgspec.Struct)


class Addition(msgspec.Struct, frozen=True):
    """What ``adds`` said. ``module``: of Python, that said it; ``at``: its file and line."""

    whole: type[msgspec.Struct]
    part: type[Part]
    before: str
    absent: Part | None
    module: str
    at: str


DECLARED: list[Addition] = []


def adds(whole: type[msgspec.Struct], part: type[P], *, before: str = "", absent: P | None = None) -> None:
    """Add the fields of a part to a result, or to a struct within notices.

    ``before``: the field of the whole before which those of the part stand, for clients that are shown the order; the
    end where it is left out (what may be left out stands behind what may not). ``absent``: what is told where nobody
    says anything. Raises ``Corrupt`` ``bad_declaration`` when the game is read, for a field that is there already.
    """
    module = sys._getframe(1).f_globals["__name__"]
    faults = {
        "adds(whole, part): the whole is a result, or a struct within notices": not _can_be_told(whole),
        "adds(whole, part): the part is a class derived from Part": not _is_part(part),
        "absent is one of the part": absent is not None and type(absent) is not part,
    }
    for fault in (sentence for sentence, true in faults.items() if true):
        raise Corrupt("bad_declaration", f"{caller()}: {fault}.")
    DECLARED.append(Addition(whole, part, before, absent, module, caller()))


def _is_part(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, Part)


def _can_be_told(whole: Any) -> bool:
    return isinstance(whole, type) and issubclass(whole, msgspec.Struct) and not hasattr(whole, "spec")


@once_per_reading
def additions(whole: type) -> tuple[Addition, ...]:
    """What the game's modules add to a struct, in their order."""
    ranks = {module.__name__: rank for rank, module in enumerate(modules_parts("events"))}
    mine = [one for one in DECLARED if one.whole is whole and one.module in ranks]
    found = sorted(mine, key=lambda one: ranks[one.module])
    _check(whole, found)
    return tuple(found)


def _check(whole: type, found: Sequence[Addition]) -> None:
    taken = dict.fromkeys(hints(whole), whole.__name__)
    for one in found:
        for name in hints(one.part):
            if name in taken:
                raise Corrupt(
                    "bad_declaration",
                    f"{one.at}: {one.part.__name__} adds {name} to {whole.__name__}, which has it from {taken[name]}.",
                )
            taken[name] = one.part.__name__
        if one.before and one.before not in hints(whole):
            raise Corrupt("bad_declaration", f"{one.at}: before={one.before!r}: {whole.__name__} has no such field.")


@once_per_reading
def complete(kind: type[S]) -> type[S]:
    """Return the type of a packet with all that modules add to it and to what it holds; itself where that is nothing.

    It has the name, the text and the declaration of ``kind``, and fields in the order in which clients are shown them.
    """
    added = additions(kind)
    types = {name: _completed(hint) for name, hint in hints(kind).items()}
    if added:
        return _flat(kind, added, types)
    changed = {name: hint for name, hint in types.items() if hint is not hints(kind)[name]}
    return (
        _made(kind, (kind,), [_field(f, types) for f in msgspec.structs.fields(kind) if f.name in changed])
        if changed
        else kind
    )


def _completed(hint: Any) -> Any:
    """A field's type, with the structs in it complete; the very same where they are."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return complete(hint)
    given = get_args(hint)
    found = tuple(map(_completed, given)) if get_origin(hint) is list else given
    return GenericAlias(list, found) if any(a is not b for a, b in zip(given, found, strict=True)) else hint


def _flat(kind: type[S], added: Sequence[Addition], types: Mapping[str, Any]) -> type[S]:
    required, optional = _apart(kind, types)
    for one in added:
        more_required, more_optional = _apart(one.part, hints(one.part))
        _insert(required, one.before, more_required)
        _insert(optional, one.before, more_optional)
    return _made(kind, kind.__bases__, [*required, *optional], [one.part for one in added])


def _apart(kind: type, types: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """The fields that must be there, and those that may be left out."""
    fields = msgspec.structs.fields(kind)
    return [_field(f, types) for f in fields if f.required], [_field(f, types) for f in fields if not f.required]


def _insert(fields: list[Any], before: str, more: list[Any]) -> None:
    """Insert fields before one that is among them, else at the end."""
    names = [name for name, *_ in fields]
    place = names.index(before) if before in names else len(names)
    fields[place:place] = more


def _made(kind: type[S], bases: tuple[type, ...], fields: list[Any], told: Sequence[type] = ()) -> type[S]:
    text = "\n\n".join(getdoc(each) or "" for each in (kind, *told))
    made: Any = msgspec.defstruct(
        kind.__name__, fields, bases=bases, module=kind.__module__, namespace={"__doc__": text}, frozen=True
    )
    return made  # type: ignore[no-any-return]


def _field(field: FieldInfo, types: Mapping[str, Any]) -> tuple[Any, ...]:
    if field.required:
        return field.name, types[field.name]
    if field.default is not msgspec.NODEFAULT:
        return field.name, types[field.name], field.default
    return field.name, types[field.name], msgspec.field(default_factory=field.default_factory)


def joined(whole: Any, parts: Iterable[Part]) -> Any:
    """Make one packet of a whole and the parts that modules said. Raises ``TypeError`` for a part that is lacking."""
    said: dict[str, Any] = asdict(whole)
    absent = [one.absent for one in additions(type(whole)) if one.absent is not None]
    for part in (*absent, *parts):
        said |= asdict(part)
    return complete(type(whole))(**said)


def part_in(packet: Any, part: type[P]) -> P | None:
    """Return what a part says in a packet that was read; ``None`` where the game has none of it."""
    names = part.__struct_fields__
    return part(**{name: getattr(packet, name) for name in names}) if all(hasattr(packet, n) for n in names) else None
