"""The catalogue: every event type, gathered from the family modules, and what is computed from them.

The rest of the house asks the catalogue and never lists event types itself.
"""

import hashlib
import pkgutil
from functools import cache, reduce
from importlib import import_module
from operator import or_
from types import ModuleType
from typing import Any

import msgspec

import gameserver.events
from gameserver.events.base import Event, Notice, Spec

PLUMBING = {"base", "catalogue", "envelope", "message", "document", "wording"}


def _modules() -> list[ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(gameserver.events.__path__))
    return [import_module(f"gameserver.events.{name}") for name in names if name not in PLUMBING]


def _declared_in(modules: list[ModuleType], attribute: str) -> list[Any]:
    values = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    return [value for value in values if attribute in vars(value)]


@cache
def events() -> dict[str, type[Event]]:
    """Every event type by name."""
    return {cls.spec.name: cls for cls in _declared_in(_modules(), "spec")}


@cache
def notices() -> dict[str, type[Notice]]:
    """Every notice type by name."""
    return {cls.notice.name: cls for cls in _declared_in(_modules(), "notice")}


@cache
def specs() -> tuple[Spec, ...]:
    """The declarations of all events, by family and name."""
    return tuple(sorted((cls.spec for cls in events().values()), key=lambda spec: (spec.family, spec.name)))


@cache
def families() -> dict[str, tuple[Spec, ...]]:
    """The declarations by family."""
    names = dict.fromkeys(spec.family for spec in specs())
    return {name: tuple(spec for spec in specs() if spec.family == name) for name in names}


@cache
def any_event() -> Any:
    """The union of all event types, for decoders."""
    return reduce(or_, events().values())


@cache
def client_events() -> dict[str, type[Event]]:
    """The event types that a client may send, by name."""
    return {name: cls for name, cls in events().items() if cls.spec.origin == "client"}


@cache
def fingerprint() -> str:
    """A short hash of all that a client depends on: names, fields and types of events, results and notices."""
    results = {spec.name: spec.result for spec in specs() if spec.result is not None}
    shapes = msgspec.json.schema_components(
        [*client_events().values(), *notices().values(), *dict.fromkeys(results.values())]
    )
    replies = {name: result.__name__ for name, result in results.items()}
    text = msgspec.json.encode([_undescribed(shapes), replies], order="deterministic")
    return hashlib.sha256(text).hexdigest()[:12]


def _undescribed(schema: Any) -> Any:
    """A schema without its sentences, which may be put better at any time."""
    if isinstance(schema, dict):
        kept = {k: v for k, v in schema.items() if not (k == "description" and isinstance(v, str))}
        return {k: _undescribed(v) for k, v in kept.items()}
    return [_undescribed(part) for part in schema] if isinstance(schema, list | tuple) else schema
