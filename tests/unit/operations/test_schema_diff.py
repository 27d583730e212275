"""The steps between two schemas are found field by field, through references and arrays."""

from typing import Any

import pytest

from gameserver.operations import schema_diff as steps
from gameserver.operations.catalogue_export import REFERENCE
from gameserver.operations.schema_diff import SchemaComparison


def fields(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT = {"type": "string"}
SHORT = {"type": "string", "maxLength": 10}
NUMBER = {"type": "integer"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (fields(a=TEXT), fields(a=TEXT | {"description": "for people"}), []),
        (fields(a=TEXT), fields(), [("a", steps.GONE)]),
        (fields(), fields(a=TEXT), [("a", steps.NEW)]),
        (fields(), fields(("a",), a=TEXT), [("a", steps.NEW_REQUIRED)]),
        (fields(a=TEXT), fields(("a",), a=TEXT), [("a", steps.REQUIRED)]),
        (fields(("a",), a=TEXT), fields(a=TEXT), [("a", steps.OPTIONAL)]),
        (fields(a=TEXT | {"default": "x"}), fields(a=TEXT | {"default": "y"}), [("a", steps.DEFAULT)]),
        (fields(a=TEXT), fields(a=SHORT), [("a", steps.NARROWED)]),
        (fields(a=SHORT), fields(a=TEXT), [("a", steps.WIDENED)]),
        (fields(a=TEXT), fields(a=NUMBER), [("a", steps.RETYPED)]),
        (
            fields(a={"type": "array", "items": SHORT}),
            fields(a={"type": "array", "items": TEXT}),
            [("a[]", steps.WIDENED)],
        ),
        (fields(a=fields(b=TEXT)), fields(a=fields()), [("a.b", steps.GONE)]),
    ],
)
def test_each_step_has_its_name_and_its_path(
    old: dict[str, Any], new: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert list(SchemaComparison({}, {}).steps(old, new)) == expected


def test_a_reference_is_followed_on_each_side_and_a_cycle_ends() -> None:
    node = {"$ref": f"{REFERENCE}Node"}
    old, new = {"Node": fields(next=node, a=SHORT)}, {"Node": fields(next=node, a=TEXT)}
    assert list(SchemaComparison(old, new).steps(node, node)) == [("a", steps.WIDENED)]
