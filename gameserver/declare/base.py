"""What a declaration is made of.

An event type is a frozen struct with its fields and one ``@event(...)`` line that says how it travels: family
(the module it stands in), lane, priority, lease, durability. Everything else (codec, queue, route, Celery task, Flower
name, documentation) is computed from that, and an option that contradicts another is refused where it is declared.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_type_hints

import msgspec

from gameserver.declare.field_descriptions import unclear_fields
from gameserver.declare.options import wrong_types
from gameserver.declare.packet_checks import fault_of_name, faults_of_packet, is_name
from gameserver.declare.source_locations import caller
from gameserver.errors import Corrupt
from gameserver.limits import Limits

PRIORITY_MAX = 4
PERIOD_S_MIN = 0.05
# RabbitMQ keeps what nobody takes for 2^32 ms at most, and what beat sends waits for two periods.
PERIOD_S_MAX = 7 * 86_400.0
STALE_S_MAX = 86_400.0
# A worker may hold a message for ten leases (tasks.overrides.ack_timeout), and RabbitMQ's own consumer_timeout, where
# it has one, is half an hour. A worker that is stopped ends what it has begun within one.
LEASE_S_MAX = 180
ATTEMPTS_MAX = Limits().deliveries_max - 1  # or the broker takes an event away before it is a dead letter
BATCH_MAX = 10_000  # events: they are one message, and one transaction
SEQ_MAX = 2**53 - 1
TEXT_CHARS_MAX = 300
SECRET_BYTES_MAX = 600  # as a client sends it
SEALED_CHARS_MAX = 1_000  # as it stands in the queue: Fernet adds its frame, and base64 a third

# The types of the packets that are no events and no notices (gameserver.wire.packets): clients tell packets by type.
PROTOCOLS_OWN = frozenset(
    {"hello", "ping", "welcome", "pong", "token", "ok", "error", "unavailable", "elsewhere", "bye"}
)

Origin = Literal["client", "gateway", "server"]
# What becomes of a field when two notices are merged: both added up, or the value of the earlier or the later one.
Merging = Literal["sum", "first", "last"]

Name = Annotated[
    str,
    msgspec.Meta(
        pattern="^[A-Za-z][A-Za-z0-9_-]{1,19}\\Z", description="2 to 20 letters, digits, - or _; a letter first"
    ),
]
ChannelName = Annotated[
    str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{1,19}\\Z", description="2 to 20 of a-z, 0-9, -; a letter first")
]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARS_MAX, description="1 to 300 characters")]
# What is looked for in the database must not hold the one character that PostgreSQL refuses: it would look as if the
# database were away, to everyone whose event is in the same batch.
EntityId = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,64}\Z", description="id of a player or creature")]
NoticeId = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{0,128}\Z", description="id of a notice")]
Secret = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=SEALED_CHARS_MAX,
        description=f"secret text, {SECRET_BYTES_MAX} bytes at most",
        extra={"secret": True},
    ),
]


Sent = Annotated[
    int, msgspec.Meta(ge=0, le=SEQ_MAX, description="the highest number that you have used in this session")
]
Attempt = Annotated[
    int, msgspec.Meta(ge=0, le=SEQ_MAX, description="greater in each `resume` of this session that you send")
]
NoticeIds = Annotated[
    list[NoticeId],
    msgspec.Meta(max_length=100, description="list of ids, 100 at most"),
]


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """How an event type travels. Durations in seconds.

    ``lane``: events of one session in one lane take effect in the order sent; "" for events without a session.
    ``numbered``: guarded by the watermark of session and lane; others are idempotent by their own nature.
    ``stale_after_s``: a transient event older than this is answered as ``stale`` and dropped; 0 means never.
    ``every_s``: beat sends one in each period of so long; 0 means that it sends none. ``refreshes_view``: the gateway
    sends it for a player who missed what others did, to be shown the present instead. ``shard_by``: the field that
    chooses the part of a split queue for an event of the server; "" where it goes with what gave birth to it. ``at``:
    where it is declared, file and line.
    """

    name: str
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
    secrets: frozenset[str]
    result: type["Result"] | None
    every_s: float = 0.0
    refreshes_view: bool = False
    shard_by: str = ""
    at: str

    @property
    def task(self) -> str:
        """The Celery task's name, which Flower shows."""
        return f"{self.family}.{self.name}"


class NoticeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a notice travels. A ``durable`` one stands in the outbox until its receiver has dealt with it.

    ``conflation_key``: the field that names whom it is about, if only the newest about each matters; "" if all do.
    ``merge``: for each field how several notices that wait for one player become one; {} where each is told by itself.
    ``at``: where it is declared, file and line.
    """

    name: str
    family: str
    durable: bool
    conflation_key: str
    merge: Mapping[str, Merging]
    at: str


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag=str.lower,
):
    """Base of all events. ``seq``: the client's number for it, strictly increasing; 0 for events born inside."""

    spec: ClassVar[Spec]

    seq: Annotated[int, msgspec.Meta(ge=0, le=SEQ_MAX, description="integer, 0 to 2^53-1")] = 0


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=str.lower):
    """Base of what clients are told unasked. ``id`` is there on those that want to be acknowledged with ``ack``."""

    notice: ClassVar[NoticeSpec]

    id: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what stands in the ``data`` of an event's successful reply."""


NOT_MERGED: Mapping[str, Merging] = {}

# Every class that was declared, in the order of declaring: a module that declares a name twice keeps the last one only.
DECLARED: list[type[Event] | type[Notice]] = []

E = TypeVar("E", bound=type[Event])
N = TypeVar("N", bound=type[Notice])


def event(
    *,
    lane: str = "",
    origin: Origin = "client",
    family: str = "",
    priority: int = 1,
    lease_s: int = 10,
    durable: bool = True,
    numbered: bool = True,
    stale_after_s: float = 0.0,
    max_attempts: int = 4,
    batch_max: int = 64,
    result: type[Result] | None = None,
    every_s: float = 0.0,
    refreshes_view: bool = False,
    shard_by: str = "",
) -> Callable[[E], E]:
    """Declare an event type. The options are the fields of ``Spec``, within the bounds that stand above.

    ``family``: only where the engine declares what a module's rules answer; else it is the module's.
    Raises ``Corrupt`` ``bad_declaration`` where the declaration contradicts itself.
    """
    at = caller()

    def declare(cls: E) -> E:
        _refuse_class(at, cls, Event)
        spec = Spec(
            name=cls.__name__.lower(),
            family=family or _family(cls),
            origin=origin,
            lane=lane,
            priority=priority,
            lease_s=lease_s,
            durable=durable,
            numbered=numbered and origin == "client",
            stale_after_s=stale_after_s,
            max_attempts=max_attempts,
            batch_max=batch_max,
            secrets=_secrets(cls),
            result=result,
            every_s=every_s,
            refreshes_view=refreshes_view,
            shard_by=shard_by,
            at=at,
        )
        _refuse(spec, wrong_types(spec))
        _refuse(spec, _contradictions(spec, cls))
        cls.spec = spec
        DECLARED.append(cls)
        return cls

    return declare


def notice(
    *, durable: bool = False, conflation_key: str = "", merge: Mapping[str, Merging] = NOT_MERGED
) -> Callable[[N], N]:
    """Declare a notice type. The options are the fields of ``NoticeSpec``.

    Raises ``Corrupt`` ``bad_declaration`` where the declaration contradicts itself.
    """
    at = caller()

    def declare(cls: N) -> N:
        _refuse_class(at, cls, Notice)
        name, family = cls.__name__.lower(), _family(cls)
        notice = NoticeSpec(
            name=name, family=family, durable=durable, conflation_key=conflation_key, merge=dict(merge), at=at
        )
        _refuse(notice, wrong_types(notice))
        _refuse(notice, _contradictions_of_notice(notice, cls))
        cls.notice = notice
        DECLARED.append(cls)
        return cls

    return declare


def _family(cls: type) -> str:
    """The folder of its module: the package of the file in which it is declared."""
    return cls.__module__.rpartition(".")[0].rpartition(".")[2]


def _secrets(cls: type[Event]) -> frozenset[str]:
    hints = get_type_hints(cls, include_extras=True)
    return frozenset(name for name in cls.__struct_fields__ if _is_secret(hints[name]))


def _is_secret(hint: Any) -> bool:
    return any((getattr(meta, "extra", None) or {}).get("secret") for meta in get_args(hint)[1:])


def _contradictions(spec: Spec, cls: type[Event]) -> dict[str, bool]:
    return {
        _taken(spec.name): spec.name in PROTOCOLS_OWN,
        f"a lane has a name as an event has, and not {spec.lane!r:.60}": spec.lane != "" and not is_name(spec.lane),
        "a client's event needs a lane": spec.origin == "client" and not spec.lane,
        f"priority is 0 to {PRIORITY_MAX}": not 0 <= spec.priority <= PRIORITY_MAX,
        f"a lease is 1 to {LEASE_S_MAX} seconds": not 1 <= spec.lease_s <= LEASE_S_MAX,
        "a durable event never goes stale": spec.durable and spec.stale_after_s > 0,
        f"max_attempts is 1 to {ATTEMPTS_MAX}": not 1 <= spec.max_attempts <= ATTEMPTS_MAX,
        f"batch_max is 1 to {BATCH_MAX} events": not 1 <= spec.batch_max <= BATCH_MAX,
        "beat sends events of origin server alone": spec.every_s != 0 and spec.origin != "server",
        f"a period is {PERIOD_S_MIN:g} to {PERIOD_S_MAX:g} seconds": spec.every_s != 0
        and not PERIOD_S_MIN <= spec.every_s <= PERIOD_S_MAX,
        "a periodic event has the number of its period, n: int, and needs no other field": spec.every_s > 0
        and _required(cls) != ["n"],
        "a periodic event is neither durable nor stale: after it comes the next": spec.every_s > 0
        and (spec.durable or spec.stale_after_s > 0),
        "an event that refreshes the view is a client's and needs no field": spec.refreshes_view
        and (spec.origin != "client" or _required(cls) != []),
        "shard_by names a text of it": spec.shard_by != "" and get_type_hints(cls).get(spec.shard_by) is not str,
        "a docstring says what it does": not cls.__doc__,
        **{f"describe what {name} may hold: players are told that": True for name in unclear_fields(cls)},
        **{f"its result: {fault}": True for fault in _faults_of_result(spec.result)},
        f"stale_after_s is 0 to {STALE_S_MAX:g} seconds": not 0 <= spec.stale_after_s <= STALE_S_MAX,
    }


def _faults_of_result(result: Any) -> Iterable[str]:
    return () if result is None else faults_of_packet(result, Result)


def _required(cls: type[Event]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(cls) if field.required]


def _contradictions_of_notice(notice: NoticeSpec, cls: type[Notice]) -> dict[str, bool]:
    return {
        _taken(notice.name): notice.name in PROTOCOLS_OWN,
        "conflation_key must name a field of the notice": notice.conflation_key not in ("", *cls.__struct_fields__),
        "conflation_key cannot be combined with durable=True": notice.durable and notice.conflation_key != "",
        **(_contradictions_of_merge(notice, cls) if notice.merge else {}),
    }


def _contradictions_of_merge(notice: NoticeSpec, cls: type[Notice]) -> dict[str, bool]:
    hints = get_type_hints(cls)
    summed = [name for name, how in notice.merge.items() if how == "sum"]
    return {
        "merge needs durable=True: no other notice waits": not notice.durable,
        "merge says of each field how, and of no other": {*notice.merge} != {*cls.__struct_fields__} - {"id"},
        f"merge knows {', '.join(get_args(Merging))}": not {*notice.merge.values()} <= {*get_args(Merging)},
        "merge adds up integers": any(hints.get(name, int) is not int for name in summed),
    }


def _taken(name: str) -> str:
    return f"the protocol has a packet {name} of its own"


def _refuse_class(at: str, cls: Any, base: type[msgspec.Struct]) -> None:
    """Raise ``Corrupt`` ``bad_declaration`` where a class is no such packet, or one that cannot travel."""
    name = str(getattr(cls, "__name__", cls))
    for fault in (*faults_of_packet(cls, base), fault_of_name(name.lower())):
        if fault:
            raise Corrupt("bad_declaration", f"{at}: {name}: {fault}.")


def _refuse(spec: Spec | NoticeSpec, faults: dict[str, bool]) -> None:
    for fault, true in faults.items():
        if true:
            raise Corrupt("bad_declaration", f"{spec.at}: {spec.family}.{spec.name}: {fault}.")
