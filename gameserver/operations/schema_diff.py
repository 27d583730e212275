"""The differences between two JSON Schemas, field by field, without a judgement on them."""

from collections.abc import Iterator
from typing import Any

from gameserver.operations.catalogue_document import Schema
from gameserver.operations.catalogue_export import REFERENCE

Step = tuple[str, str]  # the path of a field, "" for the whole, and one of the kinds below

# The kinds of steps from one schema to another.

GONE = "is gone"
NEW = "is new"
NEW_REQUIRED = "is new and required"
REQUIRED = "is required now"
OPTIONAL = "may be left out now"
NARROWED = "allows less than before"
WIDENED = "allows more than before"
RETYPED = "has another type"
DEFAULT = "means something else where it is left out"


class SchemaComparison:
    """Walks two schemas side by side. ``old``, ``new``: the schemas that references name, of each side."""

    def __init__(self, old: dict[str, Schema], new: dict[str, Schema]) -> None:
        self._old = old
        self._new = new

    def steps(self, old: Schema, new: Schema) -> Iterator[Step]:
        """Give each difference between two schemas."""
        return self._steps("", old, new, ())

    def _steps(self, path: str, was: Schema, now: Schema, seen: tuple[Any, ...]) -> Iterator[Step]:
        pair = was.get("$ref"), now.get("$ref")
        if pair != (None, None) and pair in seen:
            return
        was, now = self._resolved(was, self._old), self._resolved(now, self._new)
        if was.get("type") == now.get("type") == "object" and "properties" in was and "properties" in now:
            yield from self._fields(path, was, now, (*seen, pair))
        elif was.get("type") == now.get("type") == "array":
            yield from _value_steps(path, _bounds_only(was), _bounds_only(now))
            yield from self._steps(f"{path}[]", was.get("items", {}), now.get("items", {}), seen)
        else:
            yield from _value_steps(path, self._flat(was, self._old), self._flat(now, self._new))

    def _fields(self, path: str, was: Schema, now: Schema, seen: tuple[Any, ...]) -> Iterator[Step]:
        before, after = was["properties"], now["properties"]
        for name in sorted(before.keys() | after.keys()):
            at = f"{path}.{name}" if path else name
            had, has = name in was.get("required", ()), name in now.get("required", ())
            if name not in after:
                yield at, GONE
            elif name not in before:
                yield at, NEW_REQUIRED if has else NEW
            else:
                if had != has:
                    yield at, REQUIRED if has else OPTIONAL
                elif before[name].get("default") != after[name].get("default"):
                    yield at, DEFAULT
                yield from self._steps(at, before[name], after[name], seen)

    def _resolved(self, schema: Schema, schemas: dict[str, Schema]) -> Schema:
        reference = schema.get("$ref")
        return schemas[reference.removeprefix(REFERENCE)] if reference else schema

    def _flat(self, schema: Schema, schemas: dict[str, Schema]) -> list[Schema]:
        """List the alternatives of a schema, without the keywords that are for people."""
        alternatives = schema.get("anyOf") or schema.get("oneOf") or [schema]
        return [_bare(self._resolved(each, schemas)) for each in alternatives]


_FOR_PEOPLE = ("title", "description", "default")


def _bare(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in _FOR_PEOPLE}


def _bounds_only(schema: Schema) -> list[Schema]:
    return [{key: value for key, value in _bare(schema).items() if key != "items"}]


def _value_steps(path: str, was: list[Schema], now: list[Schema]) -> Iterator[Step]:
    """Say whether fewer values are allowed, more, both, or values of another type."""
    all_kept = all(any(_includes(after, before) for after in now) for before in was)
    none_added = all(any(_includes(before, after) for before in was) for after in now)
    if not all_kept and not none_added and {_type_of(each) for each in was}.isdisjoint(_type_of(each) for each in now):
        yield path, RETYPED
        return
    if not all_kept:
        yield path, NARROWED
    if not none_added:
        yield path, WIDENED


_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def _includes(wide: Schema, narrow: Schema) -> bool:
    """Say whether a schema allows all that another allows; "no" where that cannot be decided, as of two patterns."""
    if not wide:
        return True
    if "enum" in wide:
        return "enum" in narrow and set(narrow["enum"]) <= set(wide["enum"])
    if _type_of(wide) != _type_of(narrow):
        return (_type_of(wide), _type_of(narrow)) == ("number", "integer")
    least = all(key in narrow and narrow[key] >= wide[key] for key in _LEAST if key in wide)
    most = all(key in narrow and narrow[key] <= wide[key] for key in _MOST if key in wide)
    known = {"type", "enum", *_LEAST, *_MOST}
    others = {key for key in wide if key not in known}
    return least and most and all(narrow.get(key) == wide[key] for key in others)


_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def _type_of(schema: Schema) -> str:
    """Name the type of a schema; an enumeration has the type of its first value."""
    if "enum" in schema:
        return _TYPES.get(type(schema["enum"][0]), "")
    return str(schema.get("type", ""))
