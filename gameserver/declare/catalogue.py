"""The catalogue: every event type, gathered from the family modules, and what is computed from them.

The rest of the code asks the catalogue and never lists event types itself.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from gameserver.declare import session_events
from gameserver.declare.base import DECLARED, Event, Notice, NoticeSpec, Result, Spec
from gameserver.declare.game_package import parts
from gameserver.declare.importing import exists, imported
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.packet_parts import complete
from gameserver.errors import Corrupt


@once_per_reading
def _declared() -> tuple[type[Event] | type[Notice], ...]:
    """Gather what engine and modules declare, in the modules' order whichever was imported first.

    The fingerprint shows the order. Raises ``Corrupt``: ``bad_module``, ``bad_declaration``, and ``one_name_twice``.
    """
    orders = {module.__name__: n for n, module in enumerate((session_events, *parts("events")))}
    mine = (cls for cls in DECLARED if cls.__module__ in orders)
    found = tuple(sorted(mine, key=lambda cls: orders[cls.__module__]))
    refuse_doubles(found)
    refuse_rivals(found)
    refuse_misplaced(found)
    return found


def refuse_doubles(declared: Iterable[type[Event] | type[Notice]]) -> None:
    """Raise ``Corrupt`` ``one_name_twice`` where two have one name: packets, rules and tasks are found by it."""
    known: dict[str, str] = {}
    for cls in declared:
        declaration = _declaration(cls)
        first = known.setdefault(declaration.name, declaration.at)
        if first != declaration.at:
            places = f"{first} and {declaration.at}"
            raise Corrupt("one_name_twice", f"Two declarations have the name {declaration.name}: {places}; rename one.")


def refuse_rivals(declared: Iterable[type[Event] | type[Notice]]) -> None:
    """Raise ``Corrupt`` ``bad_declaration`` where two event types refresh the view: a gateway sends one."""
    found = [cls.spec for cls in declared if issubclass(cls, Event) and cls.spec.refreshes_view]
    for second in found[1:]:
        fault = f"{found[0].at} declares an event that refreshes the view already"
        raise Corrupt("bad_declaration", f"{second.at}: {second.task}: {fault}.")


def refuse_misplaced(declared: Iterable[type[Event] | type[Notice]]) -> None:
    """Raise ``Corrupt`` ``bad_declaration`` for an event that begins or ends a session otherwise than gateways expect.

    A gateway knows by its lane that a reply is about that, and watermarks are the session's.
    """
    for cls in declared:
        if issubclass(cls, Event) and cls.spec.origin == "client":
            for fault in _misplaced(cls):
                raise Corrupt("bad_declaration", f"{cls.spec.at}: {cls.spec.task}: {fault}.")


def _misplaced(cls: type[Event]) -> Iterator[str]:
    spec, begins_or_ends = cls.spec, issubclass(cls, session_events.Entrance | session_events.Leaving)
    lane = session_events.SESSION_LANE
    if begins_or_ends != (spec.lane == lane):
        yield f"the lane {lane!r} is for events derived from Entrance, Resumption or Leaving, and they have no other"
    if begins_or_ends and spec.numbered:
        yield "what begins or ends a session is declared with numbered=False: there is no session to count in"


def _declaration(cls: type[Event] | type[Notice]) -> Spec | NoticeSpec:
    return cls.spec if issubclass(cls, Event) else cls.notice


def tasks_of(module: str) -> set[str]:
    """The events that a module declares which the game need not have; none where it cannot be imported here."""
    file = f"{module}.events"
    try:
        if exists(file):
            imported(file)
    except Corrupt:  # it needs what is not installed: then nobody can say
        return set()
    return {cls.spec.task for cls in DECLARED if cls.__module__ == file and issubclass(cls, Event)}


@once_per_reading
def events() -> dict[str, type[Event]]:
    """Every event type by name."""
    return {cls.spec.name: cls for cls in _declared() if issubclass(cls, Event)}


@once_per_reading
def notices() -> dict[str, type[Notice]]:
    """Every notice type by name, with all that modules add to what it holds."""
    return {cls.notice.name: complete(cls) for cls in _declared() if issubclass(cls, Notice)}


def result_of(spec: Spec) -> type[Result] | None:
    """The type of what the reply to an event holds, with all that modules add to it."""
    return complete(spec.result) if spec.result else None


@once_per_reading
def specs() -> tuple[Spec, ...]:
    """The declarations of all events, by family and name."""
    return tuple(sorted((cls.spec for cls in events().values()), key=lambda spec: (spec.family, spec.name)))


@once_per_reading
def periodic() -> tuple[Spec, ...]:
    """The declarations of what beat sends, the most frequent first."""
    return tuple(sorted((spec for spec in specs() if spec.every_s), key=lambda spec: spec.every_s))


def pulse() -> Spec | None:
    """The most frequent of what beat sends: where none is applied the world stands still. ``None`` in a still world."""
    return next(iter(periodic()), None)


@once_per_reading
def view_refresh() -> type[Event] | None:
    """The event type that shows a player the present, if the game has one."""
    return next((cls for cls in events().values() if cls.spec.refreshes_view), None)


@once_per_reading
def families() -> dict[str, tuple[Spec, ...]]:
    """The declarations by family."""
    names = dict.fromkeys(spec.family for spec in specs())
    return {name: tuple(spec for spec in specs() if spec.family == name) for name in names}


@once_per_reading
def busiest_family() -> str:
    """The family that players' play is made of most: of the event that goes in the largest batches. "" without any."""
    sent = (cls.spec for cls in client_events().values())
    busiest = max(sent, key=lambda spec: (spec.batch_max, not spec.durable), default=None)
    return busiest.family if busiest else ""


@once_per_reading
def any_event() -> Any:
    """The union of all event types, for decoders."""
    return reduce(or_, events().values())


@once_per_reading
def client_events() -> dict[str, type[Event]]:
    """The event types that a client may send, by name."""
    return {name: cls for name, cls in events().items() if cls.spec.origin == "client"}


@once_per_reading
def fingerprint() -> str:
    """A short hash of all that a client depends on: names, fields and types of events, results and notices."""
    results = {spec.name: result for spec in specs() if (result := result_of(spec)) is not None}
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
