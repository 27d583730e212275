"""What a field may hold, in words for people: in the documents' tables, and in the answer to a wrong packet."""

from collections.abc import Iterable, Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

QUOTED_MAX = 40  # characters of what a client sent
UNKNOWN = "?"  # of a type without words: a field of none is declared (``unclear_fields``)
_WORDS: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
    bytes: "bytes as base64",
    Any: "anything",
}


def fields_of(cls: Any, hidden: Iterable[str] = ()) -> str:
    """List the fields of a struct with what each may hold; a question mark marks those that may be left out."""
    fields = [f for f in msgspec.structs.fields(cls) if f.name not in hidden]
    return ", ".join(f"`{f.name}`{'' if f.required else '?'}: {type_of(hints(cls)[f.name])}" for f in fields)


def type_of(hint: Any) -> str:
    """Describe what a field of this type may hold: in the words of its declaration, where it has some."""
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.description:
            return meta.description
    origin = get_origin(hint)
    if origin is Literal:
        return " / ".join(f"`{value}`" for value in get_args(hint))
    if origin is list:
        return f"list of ({type_of(get_args(hint)[0])})"
    if origin is dict:
        return f"map of {' to '.join(f'({type_of(part)})' for part in get_args(hint))}"
    if origin in (Union, UnionType):
        return " or ".join(type_of(part) for part in get_args(hint))
    if _is_struct(hint):
        return f"map of ({fields_of(hint)})"
    return _WORDS.get(hint, UNKNOWN)


def structs_in(hint: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs of which a type is made, itself first if it is one."""
    if _is_struct(hint):
        yield hint
    within = [hints(hint)[name] for name in hint.__struct_fields__] if _is_struct(hint) else _parts(hint)
    for part in within:
        yield from structs_in(part)


@cache
def hints(cls: type) -> dict[str, Any]:
    """The types of a struct's fields, with their bounds and descriptions."""
    return get_type_hints(cls, include_extras=True)


def unclear_fields(cls: type[msgspec.Struct]) -> list[str]:
    """The fields whose bounds, or whose type, no words tell."""
    return [name for name in cls.__struct_fields__ if _is_unclear(hints(cls)[name])]


def _is_unclear(hint: Any) -> bool:
    metas = [meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    if any(meta.description for meta in metas):
        return False
    return bool(metas) or _has_no_words(hint) or any(_is_unclear(part) for part in _parts(hint))


def _has_no_words(hint: Any) -> bool:
    described = get_origin(hint) in (Literal, list, dict, Union, UnionType, Annotated) or _is_struct(hint)
    return not described and hint not in _WORDS


def _parts(hint: Any) -> tuple[Any, ...]:
    """The types that a type is made of."""
    if get_origin(hint) is Literal:
        return ()
    return get_args(hint)[:1] if hasattr(hint, "__metadata__") else get_args(hint)


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def fault_of(packet: dict[str, Any], cls: type) -> str:
    """Say what is wrong with the first wrong field of a packet of this type, in the declaration's words."""
    faults = (*_missing(packet, cls), *_unknown(packet, cls), *_wrong(packet, cls))
    return next(iter(faults), f"These are not the fields of {packet['type']}.")


def _missing(packet: dict[str, Any], cls: type) -> Iterable[str]:
    required = [field.name for field in msgspec.structs.fields(cls) if field.required]
    return (f"{name} is missing: {type_of(hints(cls)[name])}." for name in required if name not in packet)


def _unknown(packet: dict[str, Any], cls: type) -> Iterable[str]:
    known = {"type", *(field.name for field in msgspec.structs.fields(cls))}
    return (f"{packet['type']} has no field {str(name)[:QUOTED_MAX]!r}." for name in packet if name not in known)


def _wrong(packet: dict[str, Any], cls: type) -> Iterable[str]:
    given = [field.name for field in msgspec.structs.fields(cls) if field.name in packet]
    return (f"{name}: {type_of(hints(cls)[name])}." for name in given if not fits(packet[name], hints(cls)[name]))


def fits(value: Any, hint: Any) -> bool:
    """Whether a value, as it is decoded from a packet, is one that a field of this type may hold."""
    try:
        msgspec.convert(value, hint)
    except (msgspec.ValidationError, RecursionError):
        return False
    return True
