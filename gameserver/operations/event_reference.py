"""Tables of event types and notices: for the terminal, and for docs/protocol.md."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from gameserver.broker.topology import PLAIN, Queues
from gameserver.declare import catalogue
from gameserver.declare.base import Notice, Spec
from gameserver.declare.field_descriptions import fields_of, structs_in
from gameserver.declare.hooks import Hook, hooks

FIELD = "``"  # stands around the name of a field in a docstring


def overview(queues: Queues = PLAIN) -> str:
    """Format a table of all event types, their queues and guarantees, for a terminal."""
    head = ("task", "from", "queue", "priority", "lane", "lease", "kept", "attempts", "batch", "what")
    return _table([head, *(_overview_row(spec, queues) for spec in catalogue.specs())])


def hooks_table() -> str:
    """The hooks of each event, in the order in which they run, as a table for a terminal."""
    found = [hook for around in hooks().values() for hook in around]
    head = ("event", "when", "order", "module", "hook", "declared at")
    return _table([head, *map(_hook_row, found)]) if found else "No event has hooks."


def _hook_row(hook: Hook) -> tuple[str, ...]:
    when = "before, reads no state" if hook.when == "rewrite" else hook.when
    return (hook.event, when, str(hook.order), hook.module, hook.name, hook.at)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
    return "\n".join(lines)


def _overview_row(spec: Spec, queues: Queues) -> tuple[str, ...]:
    kept = "durable" if spec.durable else f"stale after {spec.stale_after_s:g} s" if spec.stale_after_s else "transient"
    return (
        spec.task,
        f"beat, every {spec.every_s:g} s" if spec.every_s else spec.origin,
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
    """Format the tables of docs/protocol.md."""
    return "\n".join([*_events(), *_notices(), *_meanings()])


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
            data = fields_of(catalogue.result_of(spec)) if spec.result else ""
            yield f"| `{spec.name}` | {fields_of(cls, {'seq'})} | {data} | {spec.lane} | {_text(cls)} |"
        yield ""


def _notices() -> Iterable[str]:
    yield "### Notices\n"
    yield "| type | fields | what |"
    yield "|---|---|---|"
    for name, cls in sorted(catalogue.notices().items()):
        hidden = set() if cls.notice.durable else {"id"}
        yield f"| `{name}` | {fields_of(cls, hidden)} | {_text(cls)} |"
    yield ""


def _meanings() -> Iterable[str]:
    """What the maps in replies and notices hold, where the names of their fields do not say it."""
    yield "### What fields mean\n"
    yield "| in | a map of | what |"
    yield "|---|---|---|"
    for cls, names in _told_in().items():
        if FIELD in _text(cls):
            fields = ", ".join(f"`{field}`" for field in cls.__struct_fields__)
            yield f"| in {', '.join(f'`{name}`' for name in names)} | {fields} | {_text(cls)} |"
    yield ""


def _told_in() -> dict[type[msgspec.Struct], list[str]]:
    """The structs of replies and within notices, and which of those have them."""
    replies = {spec.name: catalogue.result_of(spec) for spec in catalogue.specs() if spec.origin == "client"}
    found: dict[type[msgspec.Struct], list[str]] = defaultdict(list)
    for name, cls in sorted((replies | catalogue.notices()).items()):
        for part in dict.fromkeys(structs_in(cls)):
            if not issubclass(part, Notice):  # a row of its own says what that is
                found[part].append(name)
    return found


def _text(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())


def _sentence(cls: type) -> str:
    return _text(cls).split(". ")[0].rstrip(".") + "."
