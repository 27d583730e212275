"""What a declaration is made of.

An event type is a frozen struct with its fields and one ``@declared(...)`` line that says how it travels: family
(the module it stands in), lane, priority, lease, durability. Everything else (codec, queue, route, Celery task, Flower
name, documentation) is computed from that, and an option that contradicts another is refused where it is declared.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_type_hints

import msgspec

from gameserver.events.wording import unclear_fields

PRIORITY_MAX = 4
SEQ_MAX = 2**53 - 1
TEXT_CHARS_MAX = 300
SECRET_BYTES_MAX = 600  # as a client sends it
SEALED_CHARS_MAX = 1_000  # as it stands in the queue: Fernet adds its frame, and base64 a third

Origin = Literal["client", "gateway", "house"]

Direction = Literal["n", "e", "s", "w", "ne", "nw", "se", "sw"]
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


Coins = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="1 to 1,000,000")]
NoticeIds = Annotated[
    list[NoticeId],
    msgspec.Meta(max_length=100, description="list of ids, 100 at most"),
]


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """How an event type travels. Durations in seconds.

    ``lane``: events of one session in one lane take effect in the order sent; "" for events without a session.
    ``numbered``: guarded by the watermark of session and lane; others are idempotent by their own nature.
    ``stale_after_s``: a transient event older than this is answered as ``stale`` and dropped; 0 means never.
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

    @property
    def task(self) -> str:
        """The Celery task's name, which Flower shows."""
        return f"{self.family}.{self.name}"


class NoticeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a notice travels. A ``durable`` one stands in the outbox until its receiver has dealt with it.

    ``latest``: the field that names whom it is about, if only the last one about each matters; "" if all do.
    """

    name: str
    family: str
    durable: bool
    latest: str


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


E = TypeVar("E", bound=type[Event])
N = TypeVar("N", bound=type[Notice])


def declared(
    *,
    lane: str = "",
    origin: Origin = "client",
    priority: int = 1,
    lease_s: int = 10,
    durable: bool = True,
    numbered: bool = True,
    stale_after_s: float = 0.0,
    max_attempts: int = 4,
    batch_max: int = 64,
    result: type[Result] | None = None,
) -> Callable[[E], E]:
    """Declare an event type. Raises ``TypeError`` where the declaration contradicts itself."""

    def declare(cls: E) -> E:
        spec = Spec(
            name=cls.__name__.lower(),
            family=_family(cls),
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
        )
        _refuse_contradictions(spec, cls.__doc__, unclear_fields(cls))
        cls.spec = spec
        return cls

    return declare


def told(*, durable: bool = False, latest: str = "") -> Callable[[N], N]:
    """Declare a notice type. Raises ``TypeError`` for a ``latest`` that is no field, or of what may not be lost."""

    def declare(cls: N) -> N:
        if latest and (durable or latest not in cls.__struct_fields__):
            raise TypeError(f"{cls.__name__}: the latest of a field that it has not, or of what may not be lost")
        cls.notice = NoticeSpec(name=cls.__name__.lower(), family=_family(cls), durable=durable, latest=latest)
        return cls

    return declare


def _family(cls: type) -> str:
    return cls.__module__.rpartition(".")[2]


def _secrets(cls: type[Event]) -> frozenset[str]:
    hints = get_type_hints(cls, include_extras=True)
    return frozenset(name for name in cls.__struct_fields__ if _is_secret(hints[name]))


def _is_secret(hint: Any) -> bool:
    return any((getattr(meta, "extra", None) or {}).get("secret") for meta in get_args(hint)[1:])


def _refuse_contradictions(spec: Spec, doc: str | None, unclear: Iterable[str]) -> None:
    faults = {
        "a client's event needs a lane": spec.origin == "client" and not spec.lane,
        f"priority is 0 to {PRIORITY_MAX}": not 0 <= spec.priority <= PRIORITY_MAX,
        "a lease is at least 1 second": spec.lease_s < 1,
        "a durable event never goes stale": spec.durable and spec.stale_after_s > 0,
        "at least one attempt": spec.max_attempts < 1,
        "at least one event a batch": spec.batch_max < 1,
        "a docstring says what it does": not doc,
        **{f"describe the bounds of {name}: players are told that": True for name in unclear},
    }
    for fault, true in faults.items():
        if true:
            raise TypeError(f"event {spec.task}: {fault}")
