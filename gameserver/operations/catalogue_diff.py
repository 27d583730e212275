"""Compares two catalogues, and says what a change breaks, and for whom.

Three parties are asked of each change. *Clients* that were built for the earlier catalogue: what they send must still
be understood, and what they read must still be there. *Events under way*, in queues and in the outbox, which processes
of before wrote and those of after read. And an *upgrade*, in which both run side by side, workers replaced before
gateways: what new ones write is read by old ones as well, and an event's unknown fields are refused.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from gameserver.declare.base import Origin
from gameserver.errors import Corrupt
from gameserver.operations.catalogue_export import FORMAT, REFERENCE

Schema = dict[str, Any]


class EventType(msgspec.Struct, frozen=True, kw_only=True):
    """How an event type travels, as the document tells."""

    family: str
    origin: Origin
    lane: str
    priority: int
    lease_s: int
    durable: bool
    numbered: bool
    stale_after_s: float
    max_attempts: int
    batch_max: int
    secrets: list[str]
    schema: Schema
    result: Schema | None


class NoticeType(msgspec.Struct, frozen=True, kw_only=True):
    """How a notice travels."""

    family: str
    durable: bool
    latest: str
    schema: Schema


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A packet."""

    payload: Schema


class Components(msgspec.Struct, frozen=True, kw_only=True):
    """Messages and the schemas they are made of."""

    schemas: dict[str, Schema]
    messages: dict[str, Message]


class Document(msgspec.Struct, frozen=True, kw_only=True, rename=lambda name: name.replace("x_", "x-", 1)):
    """What is compared of a document that ``catalogue export`` wrote."""

    asyncapi: str
    components: Components
    operations: dict[str, Any]
    x_format: int
    x_protocol: int
    x_events: dict[str, EventType]
    x_notices: dict[str, NoticeType]

    def packets(self, action: str) -> dict[str, Schema]:
        """The protocol's own packets that the server receives or sends: no events, notices, and replies with data."""
        messages = self.components.messages
        own = {name for name in messages if "." not in name} - {*self.x_events, *self.x_notices}
        received = {name for name in own if f"receive.{name}" in self.operations}
        return {name: messages[name].payload for name in (received if action == "receive" else own - received)}


class Change(NamedTuple):
    """One change. ``breaks``: clients or events under way; ``sentence``: what it is, and what comes of it for whom."""

    breaks: bool
    sentence: str


def read(text: bytes, source: str) -> Document:
    """Read a document. Raises ``Corrupt`` ``no_catalogue`` for one that ``catalogue export`` did not write."""
    try:
        found = msgspec.json.decode(text, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt("no_catalogue", f"{source} is no catalogue that `catalogue export` wrote: {error}.") from None
    if found.x_format != FORMAT:
        raise Corrupt("no_catalogue", f"{source} has format {found.x_format}, and this version reads {FORMAT}.")
    return found


def changes(old: Document, new: Document) -> list[Change]:
    """All changes between two catalogues, those that break something first."""
    return breaking_first([*_protocol(old, new), *_events(old, new), *_notices(old, new), *_packets(old, new)])


def breaking_first(found: Iterable[Change]) -> list[Change]:
    """Put changes in order, and each once."""
    return sorted(set(found), key=lambda change: (not change.breaks, change.sentence))


# What a step from one schema to another is called.

GONE = "is gone"
NEW = "is new"
NEW_REQUIRED = "is new and required"
REQUIRED = "is required now"
OPTIONAL = "may be left out now"
NARROWED = "allows less than before"
WIDENED = "allows more than before"
RETYPED = "has another type"
DEFAULT = "means something else where it is left out"

# What a step means: whether it breaks something, and what. Where a step is not listed nobody is concerned.

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
    "latest": (True, "clients of before may count on hearing of each one"),
}


# Comparing.


def _protocol(old: Document, new: Document) -> Iterator[Change]:
    if old.x_protocol != new.x_protocol:
        yield Change(True, f"the protocol is {new.x_protocol} instead of {old.x_protocol}: clients of before get bye.")


def _events(old: Document, new: Document) -> Iterator[Change]:
    for name, was in old.x_events.items():
        if name not in new.x_events:
            clients = "clients that send it are refused (unknown_type), and " if was.origin == "client" else ""
            yield Change(True, f"event {name} is gone: {clients}{_UNREADABLE}.")
        else:
            yield from _event(name, was, new.x_events[name], _Comparison(old, new))
    for name in new.x_events.keys() - old.x_events.keys():
        yield Change(False, f"event {name} is new: {_new_event(new.x_events[name], old)}.")


def _new_event(event: EventType, old: Document) -> str:
    if event.family not in {each.family for each in old.x_events.values()}:
        return f"start workers for its family {event.family} before gateways are replaced"
    return f"replace the workers of {event.family} before whatever sends it"


def _event(name: str, was: EventType, now: EventType, comparison: "_Comparison") -> Iterator[Change]:
    yield from _travel(f"event {name}", was, now, _TRAVEL)
    yield from comparison.say(f"event {name}", was.schema, now.schema, _BY_ORIGIN[was.origin])
    if was.result and now.result:
        yield from comparison.say(f"the reply to {name}", was.result, now.result, TO_CLIENTS)
    elif was.result:
        yield Change(True, f"the reply to {name} has no data any more: clients of before miss it.")
    elif now.result:
        yield Change(False, f"the reply to {name} has data now: clients ignore what they do not know.")


def _notices(old: Document, new: Document) -> Iterator[Change]:
    comparison = _Comparison(old, new)
    for name, was in old.x_notices.items():
        if name not in new.x_notices:
            yield Change(True, f"notice {name} is gone: clients that wait for it never hear it.")
        else:
            yield from _travel(f"notice {name}", was, new.x_notices[name], _TRAVEL_OF_NOTICES)
            yield from comparison.say(f"notice {name}", was.schema, new.x_notices[name].schema, TO_CLIENTS)
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
                yield from _Comparison(old, new).say(f"packet {name}", before[name], after[name], meaning)


def _travel(what: str, was: Any, now: Any, meaning: Meaning) -> Iterator[Change]:
    for attribute, (breaks, why) in meaning.items():
        before, after = getattr(was, attribute), getattr(now, attribute)
        if before != after:
            yield Change(breaks, f"{what}: {attribute} is {_shown(after)} instead of {_shown(before)}: {why}.")


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class _Comparison:
    """Walks two schemas side by side."""

    def __init__(self, old: Document, new: Document) -> None:
        self._old = old.components.schemas
        self._new = new.components.schemas

    def say(self, what: str, was: Schema, now: Schema, meaning: Meaning) -> Iterator[Change]:
        """A sentence for each step that concerns somebody."""
        for path, step in self._steps("", was, now, ()):
            breaks, why = meaning[step]
            yield Change(breaks, f"{what}: {f'field {path}' if path else 'it'} {step}: {why}.")

    def _steps(self, path: str, was: Schema, now: Schema, seen: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
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

    def _fields(self, path: str, was: Schema, now: Schema, seen: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
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
        """The alternatives of a schema, without what only people read."""
        alternatives = schema.get("anyOf") or schema.get("oneOf") or [schema]
        return [_bare(self._resolved(each, schemas)) for each in alternatives]


_FOR_PEOPLE = ("title", "description", "default")


def _bare(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in _FOR_PEOPLE}


def _bounds_only(schema: Schema) -> list[Schema]:
    return [{key: value for key, value in _bare(schema).items() if key != "items"}]


def _value_steps(path: str, was: list[Schema], now: list[Schema]) -> Iterator[tuple[str, str]]:
    """Whether the values that are allowed became fewer, more, both, or others altogether."""
    kept = all(any(_includes(after, before) for after in now) for before in was)
    held = all(any(_includes(before, after) for before in was) for after in now)
    if not kept and not held and {_type_of(each) for each in was}.isdisjoint(_type_of(each) for each in now):
        yield path, RETYPED
        return
    if not kept:
        yield path, NARROWED
    if not held:
        yield path, WIDENED


_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def _includes(wide: Schema, narrow: Schema) -> bool:
    """Whether a schema allows all that another allows. What can't be compared (two patterns, say) counts as no."""
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
    """The type of a schema; an enumeration has that of its first value."""
    if "enum" in schema:
        return _TYPES.get(type(schema["enum"][0]), "")
    return str(schema.get("type", ""))
