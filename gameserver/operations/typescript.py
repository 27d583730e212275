"""The catalogue as TypeScript: what each event takes and what its reply gives, and what each notice tells.

Made from the schemas of ``catalogue_export``, for the JavaScript library's types.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from gameserver.declare import catalogue
from gameserver.operations.catalogue_export import REFERENCE, document

PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
NOT_GIVEN = frozenset({"type", "seq"})  # by who sends an event: the library adds them

OURS = frozenset({"gameserver", "modules", "events"})  # of a path, what says nothing

NO_FIELDS = "Record<string, never>"  # `{}` would take any

Json = dict[str, Any]


def declarations() -> str:
    """Write the types of today's catalogue."""
    made = document()
    schemas: Json = made["components"]["schemas"]
    events = {name: made["x-events"][name] for name in sorted(catalogue.client_events())}
    notices = {name: made["x-notices"][name] for name in sorted(catalogue.notices())}
    results = [_name(travel["result"]) for travel in events.values() if travel["result"]]
    told = [_name(travel["schema"]) for travel in notices.values()]
    return "\n".join(
        [
            "/** The events that a client may send: their fields, and the `data` of the reply. */",
            "export interface Events {",
            *(line for name, travel in events.items() for line in _event(name, travel, schemas)),
            "}",
            "",
            "/** The notices that a client is told, by type. */",
            "export interface Notices {",
            *(f"  {name}: {_called(travel['schema'])};" for name, travel in notices.items()),
            "}",
            *(line for name in _all_of([*results, *told], schemas) for line in _interface(name, schemas[name])),
        ]
    )


def _event(name: str, travel: Json, schemas: Json) -> Iterator[str]:
    schema = schemas[_name(travel["schema"])]
    lines = " ".join(f"{line};" for line in _fields(schema, NOT_GIVEN))
    fields = f"{{ {lines} }}" if lines else NO_FIELDS
    yield f"  /** {_text(schema)} */"
    yield f"  {name}: {{ fields: {fields}; data: {_called(travel['result']) if travel['result'] else '{}'} }};"


def _interface(name: str, schema: Json) -> Iterator[str]:
    yield ""
    yield f"/** {_text(schema)} */"
    yield f"export interface {_identifier(name)} {{"
    yield from (f"  {line};" for line in _fields(schema, frozenset()))
    yield "}"


def _fields(schema: Json, without: frozenset[str]) -> Iterator[str]:
    required = schema.get("required", ())
    for name, shape in schema.get("properties", {}).items():
        if name not in without:
            yield f"{name}{'' if name in required else '?'}: {_type(shape)}"


def _type(shape: Json) -> str:
    if "$ref" in shape:
        return _called(shape)
    if "enum" in shape:
        return " | ".join(json.dumps(value) for value in shape["enum"])
    if "anyOf" in shape:
        return " | ".join(_type(one) for one in shape["anyOf"])
    if shape.get("type") == "array":
        return f"Array<{_type(shape.get('items', {}))}>"
    if shape.get("type") == "object":
        return f"Record<string, {_type(shape.get('additionalProperties') or {})}>"
    return PLAIN.get(shape.get("type", ""), "unknown")


def _all_of(names: Iterable[str], schemas: Json) -> list[str]:
    """These shapes and all that they are made of, each once."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            waiting += _named_in(schemas[name])
    return list(found)


def _named_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield _name(schema)
        for part in schema.values():
            yield from _named_in(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            yield from _named_in(part)


def _name(reference: Json) -> str:
    name: str = reference["$ref"].removeprefix(REFERENCE)
    return name


def _called(reference: Json) -> str:
    return _identifier(_name(reference))


def _identifier(name: str) -> str:
    """A name in TypeScript: ``MarketPaid`` where shapes of two modules have one name, which then has its whole path."""
    *path, own = name.split(".")
    return "".join(part.title().replace("_", "") for part in path if part not in OURS) + own


def _text(schema: Json) -> str:
    return " ".join(schema.get("description", "").split())
