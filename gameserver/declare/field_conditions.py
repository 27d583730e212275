"""Conditions on the fields of entities, as values: the store makes SQL of them, and simulation evaluates them.

``test("gateway", "!=", "")`` compares a field with a value, with another field (``Field``), or with the ids of other
entities (``Ids``); ``all_of`` and ``any_of`` combine conditions.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Literal, get_args

import msgspec

Op = Literal["==", "!=", "<", "<=", ">", ">=", "starts with", "not in"]


class Field(msgspec.Struct, frozen=True):
    """Another field of the same entity, as what a field is compared with."""

    name: str


class Ids(msgspec.Struct, frozen=True):
    """The ids of all entities of a kind that meet a condition, as what a field is compared with (``not in``)."""

    kind: type
    condition: "Condition"


class Test(msgspec.Struct, frozen=True):
    """A field compared with a value."""

    field: str
    op: Op
    value: Any


class AllOf(msgspec.Struct, frozen=True):
    """True if all conditions are."""

    conditions: tuple["Condition", ...]


class AnyOf(msgspec.Struct, frozen=True):
    """True if any condition is."""

    conditions: tuple["Condition", ...]


Condition = Test | AllOf | AnyOf
All = Callable[[type], Iterable[Any]]

_OPS: dict[str, Callable[[Any, Any], bool]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "starts with": str.startswith,
    "not in": lambda value, ids: value not in ids,
}


def test(field: str, op: Op, value: Any) -> Test:
    """Compare a field. Raises ``TypeError`` for an operator that there is not."""
    if op not in get_args(Op):
        raise TypeError(f"{op!r} is none of {', '.join(get_args(Op))}")
    return Test(field, op, value)


test.__test__ = False  # type: ignore[attr-defined] # pytest collects functions of this name


def all_of(*conditions: Condition) -> AllOf:
    """Combine conditions: all must be true."""
    return AllOf(conditions)


def any_of(*conditions: Condition) -> AnyOf:
    """Combine conditions: one must be true."""
    return AnyOf(conditions)


def tests_of(condition: Condition) -> Iterator[Test]:
    """The comparisons of which a condition is made."""
    if isinstance(condition, Test):
        yield condition
    else:
        for part in condition.conditions:
            yield from tests_of(part)


def meets(condition: Condition, thing: Any, others: All) -> bool:
    """Evaluate a condition for one entity. ``others`` gives all entities of a kind."""
    if isinstance(condition, Test):
        return _OPS[condition.op](getattr(thing, condition.field), _compared(condition.value, thing, others))
    found = (meets(part, thing, others) for part in condition.conditions)
    return all(found) if isinstance(condition, AllOf) else any(found)


def _compared(value: Any, thing: Any, others: All) -> Any:
    if isinstance(value, Field):
        return getattr(thing, value.name)
    if isinstance(value, Ids):
        return {other.id for other in others(value.kind) if meets(value.condition, other, others)}
    return value
