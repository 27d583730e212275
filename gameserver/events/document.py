"""Tables of the catalogue, for people: on the terminal and in docs/protocol.md."""

from collections.abc import Iterable
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from gameserver.events import catalogue
from gameserver.events.base import Spec
from gameserver.topology import PLAIN, Queues


def overview(queues: Queues = PLAIN) -> str:
    """All event types and how they travel, as a table for a terminal."""
    head = ("task", "from", "queue", "priority", "lane", "lease", "kept", "attempts", "batch", "what")
    rows = [head, *(_overview_row(spec, queues) for spec in catalogue.specs())]
    widths = [max(len(row[n]) for row in rows) for n in range(len(head) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
    return "\n".join(lines)


def _overview_row(spec: Spec, queues: Queues) -> tuple[str, ...]:
    kept = "durable" if spec.durable else f"stale after {spec.stale_after_s:g} s" if spec.stale_after_s else "transient"
    return (
        spec.task,
        spec.origin,
        queues.of(spec),
        str(spec.priority),
        spec.lane or "-",
        f"{spec.lease_s} s",
        kept,
        str(spec.max_attempts),
        str(spec.batch_max),
        _sentence(catalogue.events()[spec.name]),
    )


def markdown() -> str:
    """The tables of docs/protocol.md."""
    return "\n".join([*_events(), *_notices()])


def _events() -> Iterable[str]:
    for family, specs in catalogue.families().items():
        mine = [spec for spec in specs if spec.origin == "client"]
        if not mine:
            continue
        yield f"### Events: {family}\n"
        yield "| type | fields | `data` of the reply | lane | what |"
        yield "|---|---|---|---|---|"
        for spec in mine:
            cls = catalogue.events()[spec.name]
            yield f"| `{spec.name}` | {_fields(cls, {'seq'})} | {_fields(spec.result)} | {spec.lane} | {_text(cls)} |"
        yield ""


def _notices() -> Iterable[str]:
    yield "### Notices\n"
    yield "| type | fields | what |"
    yield "|---|---|---|"
    for name, cls in sorted(catalogue.notices().items()):
        hidden = set() if cls.notice.durable else {"id"}
        yield f"| `{name}` | {_fields(cls, hidden)} | {_text(cls)} |"
    yield ""


def _fields(cls: Any, hidden: Iterable[str] = ()) -> str:
    if cls is None:
        return ""
    hints = get_type_hints(cls, include_extras=True)
    fields = [f for f in msgspec.structs.fields(cls) if f.name not in hidden]
    return ", ".join(f"`{f.name}`{'' if f.required else '?'}: {_type(hints[f.name])}" for f in fields)


def _type(hint: Any) -> str:
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.description:
            return meta.description
    origin = get_origin(hint)
    if origin is Literal:
        return " / ".join(f"`{value}`" for value in get_args(hint))
    if origin is list:
        return f"list of ({_type(get_args(hint)[0])})"
    if origin in (Union, UnionType):
        return " or ".join(_type(part) for part in get_args(hint))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return f"map of ({_fields(hint)})"
    return {str: "string", int: "integer", float: "number", bool: "boolean"}.get(hint, str(hint))


def _text(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())


def _sentence(cls: type) -> str:
    return _text(cls).split(". ")[0].rstrip(".") + "."
