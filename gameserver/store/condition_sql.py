"""SQL of conditions on entities' fields (``declare.field_conditions``)."""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, literal_column, or_, select

from gameserver.declare.field_conditions import AllOf, Condition, Field, Ids, Test

Columns = Any  # by the names of fields
Value = Callable[[Any], Any]
ColumnsOf = Callable[[type], Columns]

_OPS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "starts with": lambda column, value: column.startswith(value),
    "not in": lambda column, ids: column.not_in(ids),
}


class Param(msgspec.Struct, frozen=True):
    """A value that is given when the statement runs: the ``n``th of those of its condition."""

    n: int

    @property
    def name(self) -> str:
        """The name of its placeholder."""
        return f"p{self.n}"


def declared(condition: Condition, columns: Columns) -> Any:
    """SQL of a condition that was declared with an entity, its values written as literals.

    A placeholder would keep the databases from using an index of those that meet it.
    """
    return _sql(condition, columns, _literal, lambda kind: columns)


def shaped(condition: Condition, columns: Columns, columns_of: ColumnsOf) -> Any:
    """SQL of a condition whose values are ``Param``s."""
    return _sql(condition, columns, _placeholder, columns_of)


def shape(condition: Condition, values: list[Any]) -> Condition:
    """The condition with placeholders for its values, which are added to ``values``."""
    if isinstance(condition, Test):
        return Test(condition.field, condition.op, _shape_of_value(condition.value, values))
    return type(condition)(tuple(shape(part, values) for part in condition.conditions))


def _shape_of_value(value: Any, values: list[Any]) -> Any:
    if isinstance(value, Field):
        return value
    if isinstance(value, Ids):
        return Ids(value.kind, shape(value.condition, values))
    values.append(value)
    return Param(len(values) - 1)


def _sql(condition: Condition, columns: Columns, value: Value, columns_of: ColumnsOf) -> ColumnElement[bool]:
    if isinstance(condition, Test):
        compared = _compared(condition.value, columns, value, columns_of)
        made: ColumnElement[bool] = _OPS[condition.op](columns[condition.field], compared)
        return made
    combine = and_ if isinstance(condition, AllOf) else or_
    return combine(*(_sql(part, columns, value, columns_of) for part in condition.conditions))


def _compared(compared: Any, columns: Columns, value: Value, columns_of: ColumnsOf) -> Any:
    if isinstance(compared, Field):
        return columns[compared.name]
    if isinstance(compared, Ids):
        others = columns_of(compared.kind)
        return select(others["id"]).where(_sql(compared.condition, others, value, columns_of))
    return value(compared)


def _literal(value: Any) -> Any:
    text = "'{}'".format(value.replace("'", "''")) if isinstance(value, str) else str(int(value))
    return literal_column(text)


def _placeholder(value: Any) -> Any:
    return bindparam(value.name) if isinstance(value, Param) else value
