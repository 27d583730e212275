"""Publish events in batches, and find out what becomes of each batch.

A batch is confirmed by the broker, or refused by its queue (it is certainly not there), or its publishing ends
uncertain (it may be there). What follows from that for its events is decided by whoever ``failures`` is.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from twisted.python.failure import Failure

from gameserver.broker.topology import Queues
from gameserver.declare.base import Spec
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import task_message
from gameserver.runtime.logging import Seldom, about
from gateway.amqp.broker import Broker, Busy, Unroutable
from gateway.clock import Clock
from gateway.connections.registry import ConnectionRegistry
from gateway.ingress.batcher import Batcher
from gateway.ingress.in_flight import Batch, InFlightRegistry, Stream
from gateway.metrics.meters import Meters
from gateway.pace import Pace

log = logging.getLogger(__name__)
astray = Seldom(log)


class Failures(Protocol):
    """Deals with batches that could not be published."""

    def refused(self, batch: Batch, code: str, message: str) -> None:
        """Deal with a batch that is not in the queue; ``code`` and ``message``: what its clients are told."""

    def uncertain(self, batch: Batch) -> None:
        """Deal with a batch that may be in the queue, nobody knows."""


class Publisher:
    """Publishes events. ``now_ms``: server time. ``broker`` and ``failures`` are set before anything is published.

    ``led_nowhere``: whether something was published that is in no queue; whoever sees to that resets it.
    """

    broker: Broker
    failures: Failures

    def __init__(
        self,
        *,
        clock: Clock,
        gateway: str,
        limits: Limits,
        pace: Pace,
        queues: Queues,
        now_ms: Callable[[], int],
        registry: ConnectionRegistry,
        in_flight: InFlightRegistry,
        meters: Meters,
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._limits = limits
        self._pace = pace
        self._queues = queues
        self._now_ms = now_ms
        self._registry = registry
        self._in_flight = in_flight
        self._meters = meters
        self._batchers: dict[Stream, Batcher] = {}
        self._copies = 0  # batches that were published again
        self.led_nowhere = False

    @property
    def all_published(self) -> bool:
        """Whether nothing waits to be published or confirmed."""
        return self._in_flight.all_confirmed and not any(batcher.pending for batcher in self._batchers.values())

    def publish(self, envelopes: Sequence[Envelope], waited_s: float = 0.0) -> None:
        """Publish events of one type and one lane with the next batch, together and in this order.

        ``waited_s``: how long they have waited in their lane, all of them in sum.
        """
        spec = envelopes[0].event.spec
        self._batcher(self._queues.of(spec, envelopes[0].shard_key), spec).add(envelopes, waited_s)

    def _batcher(self, queue: str, spec: Spec) -> Batcher:
        stream = queue, spec.name
        batcher = self._batchers.get(stream)
        if batcher is None:
            batcher = self._batchers[stream] = self._make_batcher(stream, spec)
        return batcher

    def _make_batcher(self, stream: Stream, spec: Spec) -> Batcher:
        return Batcher(
            self._clock,
            partial(self._publish, stream),
            partial(self._in_flight.opens_s, stream, self._limits.batches_in_flight_max),
            most=min(self._limits.batch_events_max, max(spec.batch_max, 1)),
            pace=self._pace,
        )

    def _publish(self, stream: Stream, envelopes: Sequence[Envelope]) -> None:
        message = task_message(envelopes, self._gateway, copy=self._copy(envelopes[0]))
        now_s, now_ms = self._clock.seconds(), self._now_ms()
        deadline_s = now_s + self._limits.batch_flight_ms_max / 1000
        linger_s = self._batchers[stream].linger_s
        batch = Batch(message.task_id, stream[0], envelopes, now_s, now_ms, deadline_s, linger_s)
        self._in_flight.add(batch)
        self._meters.published(envelopes, now_ms)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("published %s", message.task_id, extra=about(*(envelope.id for envelope in envelopes)))
        published = self.broker.publish(message, stream[0])
        published.addCallbacks(lambda _: self._in_flight.confirm(batch.task_id), self._failed, errbackArgs=(batch,))

    def _copy(self, first: Envelope) -> int:
        """What tells the task of a batch from an earlier one with the same events, 0 where there is none."""
        for _, lane, seqs in self._registry.lanes_of([first]):
            if lane.holds(seqs) and lane.sendings > 1:
                self._copies += 1
                return self._copies
        return 0

    def _failed(self, failure: Failure, batch: Batch) -> None:
        if self._in_flight.remove(batch.task_id) is not None:
            self._batchers[batch.stream].finished()
        if failure.check(Busy):
            self.failures.refused(batch, "busy", "The server takes no more of this at the moment. Try again soon.")
        elif failure.check(Unroutable):
            self._note_astray(batch.queue)
            self.failures.refused(batch, "unavailable", "Nobody serves this at the moment.")
        else:
            self.failures.uncertain(batch)

    def _note_astray(self, queue: str) -> None:
        self.led_nowhere = True
        astray.warning(
            "events for the queue %s lead nowhere: it, or its binding to the exchange events, was removed. It is made "
            "anew; where this user may not, `gameserver declare` does that.",
            queue,
        )

    def finished(self, batch: Batch) -> None:
        """Let the next batch go: a process is done with this one."""
        self._batchers[batch.stream].finished()

    def drop(self) -> list[Envelope]:
        """Forget what is in flight (the broker is away: nobody knows), and give back what was not published."""
        self._in_flight.clear()
        return [envelope for batcher in self._batchers.values() for envelope in batcher.drop()]
