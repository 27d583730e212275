"""Strategies for events, built from the catalogue's own declarations."""

from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from gameserver.declare import catalogue
from gameserver.declare.base import Event

# What JSON can carry: no half of a surrogate pair.
characters = st.characters(exclude_categories=("Cs",))


def value(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type, within its bounds."""
    metas = [meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    bounds = {
        name: getattr(meta, name)
        for meta in metas
        for name in ("ge", "le", "min_length", "max_length", "pattern")
        if getattr(meta, name) is not None
    }
    plain = get_args(hint)[0] if metas else hint
    if get_origin(plain) is Literal:
        return st.sampled_from(get_args(plain))
    if get_origin(plain) is list:
        return st.lists(value(get_args(plain)[0]), max_size=min(bounds.get("max_length", 5), 5))
    if get_origin(plain) is dict:
        return st.dictionaries(*map(value, get_args(plain)), max_size=3)
    if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
        return event(plain)
    if plain is bool:
        return st.booleans()
    if plain is int:
        return st.integers(bounds.get("ge", -(2**63)), bounds.get("le", 2**63 - 1))
    assert plain is str, f"no strategy for {hint}"
    if "pattern" in bounds:
        return st.from_regex(bounds["pattern"], fullmatch=True).filter(lambda text: not text.endswith("\n"))
    return st.text(characters, min_size=bounds.get("min_length", 0), max_size=min(bounds.get("max_length", 30), 600))


def event(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Events, notices or results of a type, all fields filled."""
    hints = get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{name: value(hints[name]) for name in cls.__struct_fields__})


def client_event() -> st.SearchStrategy[Event]:
    """Events that a client may send."""
    return st.sampled_from(sorted(catalogue.client_events())).flatmap(lambda name: event(catalogue.events()[name]))


def any_event() -> st.SearchStrategy[Event]:
    """Events of all origins."""
    return st.sampled_from(sorted(catalogue.events())).flatmap(lambda name: event(catalogue.events()[name]))
