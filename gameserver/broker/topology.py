"""Exchanges and queues, computed from the catalogue. Every process declares what it uses, with these very arguments.

``events`` routes events to a priority queue per family (or per event type, or to several by zone, where settings say
so); ``outbound`` routes what processes tell to the gateways' own queues; ``delay.N`` hold an event that failed for N ms
and give it back to ``events``; ``dead`` keeps what nobody could even read; ``reports`` leads what gateways say of
themselves to whoever asked. On a cluster all queues may be quorum queues: replicated, with fewer priorities, and
with a bound on how often a message is delivered.

Ticks that nobody took in time come to the exchange ``dead`` as well, and would push real events out of the queue
``dead``. They carry a second routing key (``TICK``), by which ``dead.sorted`` leads them to a small queue of their own;
what has no such key goes on to its alternate exchange ``dead.events``, and into the queue ``dead``.
"""

from typing import Any, Literal
from zlib import crc32

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import PRIORITY_MAX, Spec
from gameserver.errors import Corrupt
from gameserver.limits import Limits

EVENTS = "events"
OUTBOUND = "outbound"
DEAD = "dead"
DEAD_SORTED = "dead.sorted"
DEAD_EVENTS = "dead.events"
DEAD_TICKS = "dead.ticks"
TICK = "tick"  # a tick's second routing key: no queue of events is bound by it
REPORTS = "reports"
NOWHERE = "nowhere"  # a routing key of no queue: what is published by it tells whether one may publish
DELAYS_MS = (500, 2_000, 8_000)  # after the first, second, third failed trial
GATEWAY_QUEUE_KEPT_MS = 60_000
GATEWAY_MESSAGE_KEPT_MS = 60_000  # longer than a gateway may be silent without its players leaving the world
DEAD_MESSAGES_MAX = 10_000
DEAD_TICKS_MAX = 100  # to look at
PARTS_MAX = 8  # of a split queue
URGENT = 3  # priorities from here on are urgent, where a quorum queue knows no more than two kinds

QueueType = Literal["classic", "quorum"]


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say of queues. ``own``: event types with a queue of their own.

    ``split``: into how many parts a queue is split. Where an event waits is a matter of speed alone: a lane has one
    task under way, wherever it waits, and rows are locked.
    """

    type: QueueType = "classic"
    own: frozenset[str] = frozenset()
    split: dict[str, int] = {}

    def of(self, spec: Spec, place: str = "") -> str:
        """Return the queue in which an event waits: its family's or its type's own, and of a split one the part."""
        whole = self.whole(spec)
        parts = self.split.get(whole)
        return part_name(whole, crc32(place.encode()) % parts) if parts else whole

    def whole(self, spec: Spec) -> str:
        """Return the same, before it is split."""
        return spec.task if spec.name in self.own or spec.task in self.own else spec.family

    def parts(self, whole: str) -> list[str]:
        """Return a queue, or all parts of a split one."""
        return [part_name(whole, n) for n in range(self.split.get(whole, 1))]

    def priority(self, wanted: int) -> int:
        """Return the priority as it is published: on quorum queues RabbitMQ 4.0 tells 5 and more from the rest.

        The order stays, so that 4.3, which tells 32 apart, does so; 3.10 looks at none. What was published before, and
        is published again, keeps its own.
        """
        return wanted + 5 if self.type == "quorum" and URGENT <= wanted <= PRIORITY_MAX else wanted


PLAIN = Queues()


def part_name(whole: str, n: int) -> str:
    """Name a part of a split queue. The first has the whole's name, so that what waits there is always served."""
    return f"{whole}.{n}" if n else whole


class Exchange(msgspec.Struct, frozen=True):
    """An exchange; all are durable. ``source``: the exchange that it is bound to, if any.

    ``alternate``: the exchange to which goes what this one leads nowhere.
    """

    name: str
    kind: str
    source: str = ""
    alternate: str = ""

    @property
    def arguments(self) -> dict[str, Any]:
        """How it is declared."""
        return {"alternate-exchange": self.alternate} if self.alternate else {}


class Queue(msgspec.Struct, frozen=True):
    """A queue and what it is bound to; all are durable.

    ``unbound``: the exchange to which versions before bound it by the same keys, and do so again while they run.
    """

    name: str
    exchange: str
    keys: tuple[str, ...]
    arguments: dict[str, Any]
    unbound: str = ""


class Topology(msgspec.Struct, frozen=True):
    """All exchanges and queues of a broker. ``gateway_arguments``: of the queues that gateways make for themselves."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    gateway_arguments: dict[str, Any]
    wanted: Queues

    def queues_of(self, family: str) -> list[str]:
        """Return the names of the queues in which a family's events wait."""
        return [queue.name for queue in self.queues if queue.exchange == EVENTS and queue.name.split(".")[0] == family]


def possible_wholes() -> list[str]:
    """List every name that a queue of events may have under any settings, before it is split."""
    return [*catalogue.families(), *(spec.task for spec in catalogue.specs())]


def possible_queues() -> list[str]:
    """List the same with the names of all parts."""
    return [part_name(whole, n) for whole in possible_wholes() for n in range(PARTS_MAX)]


def topology(limits: Limits, wanted: Queues) -> Topology:
    """Compute the whole topology. Raises ``Corrupt`` ``bad_setting`` when an unknown event or queue is named."""
    known = {name for spec in catalogue.specs() for name in (spec.name, spec.task)}
    if strangers := sorted(wanted.own - known):
        raise Corrupt("bad_setting", f"GAMESERVER_OWN_QUEUES names no event: {', '.join(strangers)}.")
    _check_deliveries(limits)
    wholes = {*(wanted.whole(spec) for spec in catalogue.specs()), *catalogue.families()}
    if strangers := sorted(wanted.split.keys() - wholes):
        raise Corrupt("bad_setting", f"GAMESERVER_SPLIT_QUEUES names no queue: {', '.join(strangers)}.")
    if crowds := [name for name, parts in wanted.split.items() if not 2 <= parts <= PARTS_MAX]:
        raise Corrupt("bad_setting", f"GAMESERVER_SPLIT_QUEUES: {', '.join(crowds)}: 2 to {PARTS_MAX} parts.")
    names = [part for whole in wholes for part in wanted.parts(whole)]
    quorum = wanted.type == "quorum"
    events = _quorum_events(limits) if quorum else _classic_events(limits)
    return Topology(
        exchanges=(
            Exchange(EVENTS, "direct"),
            Exchange(OUTBOUND, "direct"),
            Exchange(DEAD, "fanout"),
            Exchange(DEAD_EVENTS, "fanout"),
            Exchange(DEAD_SORTED, "direct", source=DEAD, alternate=DEAD_EVENTS),
            Exchange(REPORTS, "direct"),
            *(Exchange(delay_name(ms), "fanout") for ms in DELAYS_MS),
        ),
        queues=(
            *(Queue(name, EVENTS, (name,), events) for name in sorted(names)),
            *(Queue(delay_name(ms), delay_name(ms), ("",), _delay(ms, quorum)) for ms in DELAYS_MS),
            Queue(DEAD_TICKS, DEAD_SORTED, (TICK,), _dead(DEAD_TICKS_MAX, quorum)),
            # Unbound last: what dies meanwhile finds a way.
            Queue(DEAD, DEAD_EVENTS, ("",), _dead(DEAD_MESSAGES_MAX, quorum), unbound=DEAD),
        ),
        gateway_arguments={**(_QUORUM if quorum else _PRIORITIES), **_gateway(limits)},
        wanted=wanted,
    )


def _check_deliveries(limits: Limits) -> None:
    attempts = max(spec.max_attempts for spec in catalogue.specs())
    if limits.deliveries_max <= attempts:
        raise Corrupt("bad_setting", f"deliveries_max must exceed the {attempts} attempts that an event may have.")


# What fills a queue is refused (``reject-publish``) and the player is told; dropping the head would drop the most
# urgent. What leaves a quorum queue for another one is confirmed on the way (``at-least-once``), or a node's death at
# that moment would lose it.
_QUORUM = {"x-queue-type": "quorum"}
_CONFIRMED = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


def _classic_events(limits: Limits) -> dict[str, Any]:
    return {
        "x-max-priority": PRIORITY_MAX,
        "x-max-length": limits.queue_messages_max,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": DEAD,
    }


def _quorum_events(limits: Limits) -> dict[str, Any]:
    return {
        **_QUORUM,
        **_CONFIRMED,
        "x-max-length": limits.queue_messages_max,
        "x-dead-letter-exchange": DEAD,
        "x-delivery-limit": limits.deliveries_max,
    }


def is_about_dead(refusal: str) -> bool:
    """Return whether RabbitMQ refuses to declare the dead messages' queue because it exists with other arguments."""
    return f"for queue '{DEAD}'" in refusal


def delay_name(ms: int) -> str:
    """Name the exchange and queue that hold a message for so long."""
    return f"delay.{ms}"


def _delay(ms: int, quorum: bool) -> dict[str, Any]:
    classic = {"x-message-ttl": ms, "x-dead-letter-exchange": EVENTS}
    return {**_QUORUM, **_CONFIRMED, **classic} if quorum else classic


def _dead(messages_max: int, quorum: bool) -> dict[str, Any]:
    return {**(_QUORUM if quorum else {}), "x-max-length": messages_max}


# A gateway's own queue outlives a cut connection for a while, and a dead gateway no longer. What a frozen gateway does
# not take is bounded, and the oldest is dropped: refusing it would make workers wait who tell several gateways at once.
# By the time that anything was dropped the gateway has been silent for so long that its players left the world; when it
# wakes it lets them return, to the present state, and asks again for what was not answered.
_PRIORITIES = {"x-max-priority": PRIORITY_MAX}


def _gateway(limits: Limits) -> dict[str, Any]:
    return {
        "x-expires": GATEWAY_QUEUE_KEPT_MS,
        "x-message-ttl": GATEWAY_MESSAGE_KEPT_MS,
        "x-max-length": limits.gateway_queue_messages_max,
        "x-max-length-bytes": limits.gateway_queue_bytes_max,
        "x-overflow": "drop-head",
    }


# Versions.


def version(server_properties: dict[Any, Any]) -> tuple[int, int]:
    """Return RabbitMQ's version (major, minor), as it tells every client; (0, 0) when it says nothing of the kind."""
    found = {_text(name): _text(value) for name, value in server_properties.items()}.get("version", "")
    major, _, rest = found.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def shares_prefetch(type_: QueueType, running: tuple[int, int]) -> bool:
    """Return whether a channel's consumers can share one prefetch count (``basic.qos`` with ``global``).

    Quorum queues refuse to be consumed under a shared one. RabbitMQ 4.3 takes the wish for one and silently gives each
    consumer its own, which it keeps; so does an older one with ``deprecated_features.permit.global_qos = false``, which
    nothing tells. A broker that does not say its version is taken for one that can't.
    """
    return type_ == "classic" and (3, 3) <= running < (4, 3)


def offered(type_: QueueType, running: tuple[int, int]) -> str:
    """Say what the queues of this broker do with priorities, for the log. Raises ``Corrupt`` when it is too old."""
    if type_ == "quorum" and running < (3, 10):
        raise Corrupt("bad_setting", "Quorum queues need RabbitMQ 3.10 or newer: they have no delays before.")
    if type_ == "classic":
        return f"classic queues, {PRIORITY_MAX + 1} priorities"
    if running < (4, 0):
        return "quorum queues, which know no priorities in this version"
    return "quorum queues, two priorities" if running < (4, 3) else f"quorum queues, {PRIORITY_MAX + 1} priorities"
