"""The comparison of two catalogues: which changes break something, and for whom.

Three parties are considered for each change. *Clients* that were built for the earlier catalogue: their packets must
still be understood, and the packets that they read must still come. *Events under way*, in queues and in the outbox,
which processes of the version before wrote and those of the version after read. And an *upgrade*, in which both
versions run side by side, workers replaced before gateways: old processes read the packets of new ones, and an event's
unknown fields are refused.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from gameserver.operations.catalogue_document import Document, EventType, Schema
from gameserver.operations.schema_diff import (
    DEFAULT,
    GONE,
    NARROWED,
    NEW,
    NEW_REQUIRED,
    OPTIONAL,
    REQUIRED,
    RETYPED,
    WIDENED,
    SchemaComparison,
)


class Change(NamedTuple):
    """One change. ``breaks``: clients or events under way; ``sentence``: the change and its consequence."""

    breaks: bool
    sentence: str


def changes(old: Document, new: Document) -> list[Change]:
    """List all changes between two catalogues, those that break something first."""
    return breaking_first([*_protocol(old, new), *_events(old, new), *_notices(old, new), *_packets(old, new)])


def breaking_first(found: Iterable[Change]) -> list[Change]:
    """Sort changes, those that break something first, and drop doubles."""
    return sorted(set(found), key=lambda change: (not change.breaks, change.sentence))


# The meaning of each step for a direction of travel: whether it breaks something, and the consequence.

Meaning = Mapping[str, tuple[bool, str]]

_REFUSED = "clients of before are refused (bad_field)"
_WORKERS_FIRST = "replace workers before gateways: those of before cannot read it"
_UNREADABLE = "events under way cannot be read any more"
_BESIDE = "workers of before, which run beside new ones during an upgrade, cannot read it: stop them all first"

FROM_CLIENTS: Meaning = {
    **dict.fromkeys((GONE, NEW_REQUIRED, REQUIRED, NARROWED, RETYPED), (True, f"{_REFUSED}, and {_UNREADABLE}")),
    DEFAULT: (True, "clients of before and events under way that leave it out are misunderstood"),
    **dict.fromkeys((NEW, OPTIONAL, WIDENED), (False, _WORKERS_FIRST)),
}
FROM_GATEWAYS: Meaning = {
    **dict.fromkeys((GONE, NEW_REQUIRED, REQUIRED, NARROWED, RETYPED), (True, _UNREADABLE)),
    DEFAULT: (True, "events under way that leave it out are misunderstood"),
    **dict.fromkeys((NEW, OPTIONAL, WIDENED), (False, _WORKERS_FIRST)),
}
FROM_WORKERS: Meaning = {**FROM_GATEWAYS, **dict.fromkeys((NEW, OPTIONAL, WIDENED), (True, _BESIDE))}
TO_SERVERS: Meaning = {
    **dict.fromkeys((GONE, NEW_REQUIRED, REQUIRED, NARROWED, RETYPED), (True, _REFUSED)),
    DEFAULT: (True, "clients of before that leave it out are misunderstood"),
    **dict.fromkeys((NEW, OPTIONAL, WIDENED), (False, "gateways of before refuse it")),
}
TO_CLIENTS: Meaning = {
    GONE: (True, "clients of before miss it"),
    OPTIONAL: (True, "clients of before miss it where it is left out"),
    WIDENED: (True, "clients of before may be told what they do not expect"),
    RETYPED: (True, "clients of before cannot read it"),
    DEFAULT: (True, "clients of before misunderstand what leaves it out"),
    **dict.fromkeys((NEW, NEW_REQUIRED), (False, "clients ignore fields that they do not know")),
    **dict.fromkeys((REQUIRED, NARROWED), (False, "clients are told no more than before")),
}
_BY_ORIGIN = {"client": FROM_CLIENTS, "gateway": FROM_GATEWAYS, "server": FROM_WORKERS}

_TWICE = "what was sent before the upgrade and comes again after it may take effect twice, or never"
_TRAVEL: Meaning = {
    "family": (True, "events under way wait in a queue and under a task that nobody serves any more"),
    "origin": (True, "who sent it before is refused, and events under way are numbered otherwise"),
    "lane": (True, f"the order among events under way is lost, and {_TWICE}"),
    "durable": (
        True,
        "events under way are kept, answered again and given up by other rules than those they were sent under",
    ),
    "numbered": (True, _TWICE),
    "secrets": (True, "gateways of before seal other fields than workers unseal"),
    "priority": (False, "events under way keep theirs"),
    "lease_s": (False, "it holds from each worker's start on"),
    "stale_after_s": (False, "it holds for events under way too"),
    "max_attempts": (False, "it holds for events under way too"),
    "batch_max": (False, "batches under way stay as they are"),
}
_TRAVEL_OF_NOTICES: Meaning = {
    "family": (False, "nothing that travels names it"),
    "durable": (
        True,
        "clients of before do not acknowledge what now waits for it, or count on hearing what now may be lost",
    ),
    "conflation_key": (True, "clients of before may count on hearing of each one"),
}


def _protocol(old: Document, new: Document) -> Iterator[Change]:
    if old.x_protocol != new.x_protocol:
        yield Change(True, f"the protocol is {new.x_protocol} instead of {old.x_protocol}: clients of before get bye.")


def _events(old: Document, new: Document) -> Iterator[Change]:
    for name, was in old.x_events.items():
        if name not in new.x_events:
            clients = "clients that send it are refused (unknown_type), and " if was.origin == "client" else ""
            yield Change(True, f"event {name} is gone: {clients}{_UNREADABLE}.")
        else:
            yield from _event(name, was, new.x_events[name], _comparison(old, new))
    for name in new.x_events.keys() - old.x_events.keys():
        yield Change(False, f"event {name} is new: {_new_event(new.x_events[name], old)}.")


def _new_event(event: EventType, old: Document) -> str:
    if event.family not in {each.family for each in old.x_events.values()}:
        return f"start workers for its family {event.family} before gateways are replaced"
    return f"replace the workers of {event.family} before whatever sends it"


def _event(name: str, was: EventType, now: EventType, comparison: SchemaComparison) -> Iterator[Change]:
    yield from _travel(f"event {name}", was, now, _TRAVEL)
    yield from _schema_changes(comparison, f"event {name}", was.schema, now.schema, _BY_ORIGIN[was.origin])
    if was.result and now.result:
        yield from _schema_changes(comparison, f"the reply to {name}", was.result, now.result, TO_CLIENTS)
    elif was.result:
        yield Change(True, f"the reply to {name} has no data any more: clients of before miss it.")
    elif now.result:
        yield Change(False, f"the reply to {name} has data now: clients ignore what they do not know.")


def _notices(old: Document, new: Document) -> Iterator[Change]:
    comparison = _comparison(old, new)
    for name, was in old.x_notices.items():
        if name not in new.x_notices:
            yield Change(True, f"notice {name} is gone: clients that wait for it never hear it.")
        else:
            yield from _travel(f"notice {name}", was, new.x_notices[name], _TRAVEL_OF_NOTICES)
            yield from _schema_changes(comparison, f"notice {name}", was.schema, new.x_notices[name].schema, TO_CLIENTS)
    for name in new.x_notices.keys() - old.x_notices.keys():
        yield Change(False, f"notice {name} is new: clients ignore types that they do not know.")


def _packets(old: Document, new: Document) -> Iterator[Change]:
    for action, meaning in (("receive", TO_SERVERS), ("send", TO_CLIENTS)):
        before, after = old.packets(action), new.packets(action)
        for name in before.keys() | after.keys():
            if name not in after:
                yield Change(True, f"packet {name} is gone: {meaning[GONE][1]}.")
            elif name not in before:
                yield Change(False, f"packet {name} is new.")
            else:
                yield from _schema_changes(_comparison(old, new), f"packet {name}", before[name], after[name], meaning)


def _travel(what: str, was: Any, now: Any, meaning: Meaning) -> Iterator[Change]:
    for attribute, (breaks, why) in meaning.items():
        before, after = getattr(was, attribute), getattr(now, attribute)
        if before != after:
            yield Change(breaks, f"{what}: {attribute} is {_shown(after)} instead of {_shown(before)}: {why}.")


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _comparison(old: Document, new: Document) -> SchemaComparison:
    return SchemaComparison(old.components.schemas, new.components.schemas)


def _schema_changes(
    comparison: SchemaComparison, what: str, old: Schema, new: Schema, meaning: Meaning
) -> Iterator[Change]:
    """Give a sentence for each step between two schemas."""
    for path, step in comparison.steps(old, new):
        breaks, why = meaning[step]
        yield Change(breaks, f"{what}: {f'field {path}' if path else 'it'} {step}: {why}.")
