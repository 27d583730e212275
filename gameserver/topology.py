"""Exchanges and queues, computed from the catalogue. Every process declares what it uses, with these very arguments.

``events`` routes events to a priority queue per family (or per event type, where a setting says so); ``outbound``
routes what processes tell to the gateways' own queues; ``delay.N`` hold an event that failed for N ms and give it back
to ``events``; ``dead`` keeps what nobody could even read; ``reports`` leads what gateways say of themselves to whoever
asked.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from gameserver.errors import Corrupt
from gameserver.events import catalogue
from gameserver.events.base import PRIORITY_MAX, Spec
from gameserver.limits import Limits

EVENTS = "events"
OUTBOUND = "outbound"
DEAD = "dead"
REPORTS = "reports"
GATEWAYS = "gateways"  # the routing key in ``outbound`` under which every gateway hears
DELAYS_MS = (500, 2_000, 8_000)  # after the first, second, third failed trial
GATEWAY_QUEUE_KEPT_MS = 60_000


class Exchange(msgspec.Struct, frozen=True):
    """An exchange; all are durable."""

    name: str
    kind: str


class Queue(msgspec.Struct, frozen=True):
    """A queue and what it is bound to; all are durable."""

    name: str
    exchange: str
    keys: tuple[str, ...]
    arguments: dict[str, Any]


class Topology(msgspec.Struct, frozen=True):
    """What stands on the broker, beside the gateways' own queues."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]

    def queues_of(self, family: str) -> list[str]:
        """The names of the queues in which a family's events wait."""
        return [queue.name for queue in self.queues if queue.exchange == EVENTS and queue.name.split(".")[0] == family]


def queue_of(spec: Spec, own_queues: Iterable[str] = ()) -> str:
    """The queue in which an event type waits: its family's, or its own if the setting names it."""
    return spec.task if spec.name in own_queues or spec.task in own_queues else spec.family


def topology(limits: Limits, own_queues: frozenset[str] = frozenset()) -> Topology:
    """The whole topology. Raises ``Corrupt`` ``bad_setting`` when ``own_queues`` names an unknown event."""
    known = {name for spec in catalogue.specs() for name in (spec.name, spec.task)}
    if strangers := sorted(own_queues - known):
        raise Corrupt("bad_setting", f"GAMESERVER_OWN_QUEUES names no event: {', '.join(strangers)}.")
    names = dict.fromkeys(queue_of(spec, own_queues) for spec in catalogue.specs())
    names |= dict.fromkeys(catalogue.families())
    return Topology(
        exchanges=(
            Exchange(EVENTS, "direct"),
            Exchange(OUTBOUND, "direct"),
            Exchange(DEAD, "fanout"),
            Exchange(REPORTS, "direct"),
            *(Exchange(delay_name(ms), "fanout") for ms in DELAYS_MS),
        ),
        queues=(
            *(Queue(name, EVENTS, (name,), event_arguments(limits)) for name in sorted(names)),
            *(Queue(delay_name(ms), delay_name(ms), ("",), _delay_arguments(ms)) for ms in DELAYS_MS),
            Queue(DEAD, DEAD, ("",), {}),
        ),
    )


def event_arguments(limits: Limits) -> dict[str, Any]:
    """Arguments of the queues in which events wait.

    A full queue refuses (``reject-publish``) and the player is told; dropping the head would drop the most urgent.
    """
    return {
        "x-max-priority": PRIORITY_MAX,
        "x-max-length": limits.queue_messages_max,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": DEAD,
    }


def delay_name(ms: int) -> str:
    """The exchange and queue that hold a message for so long."""
    return f"delay.{ms}"


def _delay_arguments(ms: int) -> dict[str, Any]:
    return {"x-message-ttl": ms, "x-dead-letter-exchange": EVENTS}


def gateway_queue(gateway: str) -> str:
    """The name of a gateway's own queue."""
    return f"gateway.{gateway}"


def gateway_arguments() -> dict[str, Any]:
    """Arguments of a gateway's own queue: it outlives a cut connection for a while, and a dead gateway no longer."""
    return {"x-max-priority": PRIORITY_MAX, "x-expires": GATEWAY_QUEUE_KEPT_MS}
