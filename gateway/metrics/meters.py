"""What a gateway counts, as plain numbers in the reactor's thread, read only when somebody asks.

An event costs an addition or two, everything else is counted once per batch: Prometheus' own instruments take a lock
and look a label up each time, and can't count a batch's events at once. When a process says that it is done with a
batch, its times are known, and a bounded record of the last events keeps them.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Sequence

from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import BatchResult
from gameserver.server_time import ServerClock
from gateway.ingress.in_flight import Batch
from gateway.metrics.batch_times import BatchTimes, times_of

# Upper bounds of the buckets; what is larger goes to one more.
TIMES_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024)
FAN_OUTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)

REMEMBERED_MAX = 20_000  # events whose times are kept for those who ask


class Histogram:
    """How often values fell between bounds. For one thread."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[int, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Count a value (several times, where a whole batch has it)."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times


class EventMeter:
    """What is counted of one event type."""

    __slots__ = ("batch", "gateway_ms", "outcomes", "process_ms", "queue_ms", "reply_ms")

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.batch = Histogram(SIZES)
        self.gateway_ms = Histogram(TIMES_MS)  # accepted -> published
        self.queue_ms = Histogram(TIMES_MS)  # published -> begun
        self.process_ms = Histogram(TIMES_MS)  # begun -> about to be told
        self.reply_ms = Histogram(TIMES_MS)  # accepted -> the reply is here


class Meters:
    """All counts of a gateway, and what its batches say of the time. ``steady_s``: monotonic seconds."""

    def __init__(self, time: ServerClock, steady_s: Callable[[], float]) -> None:
        self.time = time
        self._steady_s = steady_s
        self.events: dict[str, EventMeter] = {}
        self.connected = 0
        self.disconnects: Counter[str] = Counter()
        self.packets = 0  # of connections that are gone; those that are there count their own
        self.packets_refused = 0
        self.outbound = 0
        self.fan_out = Histogram(FAN_OUTS)
        self.waiting: Counter[str] = Counter()  # family -> released by its lane and not answered, as last seen
        self.oldest_ms: dict[str, int] = {}  # family -> when the oldest of these was accepted
        self.looked_ms = 0  # when that was seen
        self._looking: tuple[int, Counter[str], dict[str, int]] = (0, Counter(), {})  # the same of a look under way
        self._now_ms = 0
        self._remembered: deque[BatchTimes] = deque()
        self._remembered_events = 0

    def of(self, event: str) -> EventMeter:
        """The meter of an event type."""
        meter = self.events.get(event)
        if meter is None:
            meter = self.events[event] = EventMeter()
        return meter

    def published(self, batch: Sequence[Envelope], now_ms: int) -> None:
        """Count a batch that is being published."""
        meter = self.of(batch[0].event.spec.name)
        meter.batch.add(len(batch))
        for at_ms, times in Counter([envelope.at_ms for envelope in batch]).items():
            meter.gateway_ms.add(now_ms - at_ms, times)

    def batch_finished(self, outbound: BatchResult, batch: Batch | None) -> None:
        """Count a message from a process; learn times from it if it is done with a batch that was in flight."""
        self.outbound += 1
        if batch is not None and outbound.began_ms:
            self._learn_time(batch, outbound)
        self._now_ms = self.time.now_ms()
        if batch is not None and outbound.began_ms:
            self._landed(batch, outbound)

    def _learn_time(self, batch: Batch, outbound: BatchResult) -> None:
        """A process began this batch after it was published, and so long before it is heard of as it took."""
        before_s = self._steady_s() - outbound.took_ms / 1000
        self.time.learn(outbound.began_ms, batch.published_s, max(batch.published_s, before_s))

    def _landed(self, batch: Batch, outbound: BatchResult) -> None:
        meter, size = self.of(outbound.done), len(batch.envelopes)
        meter.queue_ms.add(max(0, outbound.began_ms - batch.published_ms), size)
        meter.process_ms.add(outbound.took_ms, size)
        self._remembered.append(times_of(batch, outbound.began_ms, outbound.took_ms, self._now_ms))
        self._remembered_events += size
        while self._remembered_events > REMEMBERED_MAX:
            self._remembered_events -= len(self._remembered.popleft().events)

    def answered(self, envelope: Envelope, outcome: str) -> None:
        """A process answered an event, with what was in the batch that was just finished."""
        meter = self.of(envelope.event.spec.name)
        meter.outcomes[outcome] += 1
        meter.reply_ms.add(self._now_ms - envelope.at_ms)

    def refused(self, event: str, code: str) -> None:
        """Count an event that the gateway itself refused."""
        self.of(event).outcomes[code] += 1

    def disconnected(self, reason: str, packets: int, packets_refused: int) -> None:
        """Count a connection that is gone, and its packets."""
        self.disconnects[reason] += 1
        self.packets += packets
        self.packets_refused += packets_refused

    def look_anew(self) -> None:
        """Everyone's lanes are about to be looked at."""
        self._looking = self.time.now_ms(), Counter(), {}

    def looked(self) -> None:
        """They were: this is how things stand."""
        self.looked_ms, self.waiting, self.oldest_ms = self._looking

    def waits(self, envelope: Envelope) -> None:
        """This event was released by its lane and is not answered."""
        family = envelope.event.spec.family
        _, waiting, oldest_ms = self._looking
        waiting[family] += 1
        if envelope.at_ms < oldest_ms.get(family, envelope.at_ms + 1):
            oldest_ms[family] = envelope.at_ms

    @property
    def remembered(self) -> Sequence[BatchTimes]:
        """The last batches that processes were done with, and their times."""
        return self._remembered
