"""Options of declarations: that each is of its type, before anything is made of them."""

import math
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

_CHECKED = (str, int, float, bool, bytes, tuple[str, ...])


def wrong_types(declared: msgspec.Struct) -> dict[str, bool]:
    """Say which options are not of their type: those that are text, numbers, yes or no, or one of a few words."""
    types = get_type_hints(type(declared))
    given = {name: getattr(declared, name) for name in declared.__struct_fields__}
    return {
        f"{name} is {value!r:.60}, and must be {_words(types[name])}": not _is(value, types[name])
        for name, value in given.items()
    }


def _is(value: Any, hint: Any) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if hint not in _CHECKED and get_origin(hint) is not Literal:
        return True
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    return True


def _words(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    return "a tuple of texts" if hint in _CHECKED[5:] else getattr(hint, "__name__", str(hint))
