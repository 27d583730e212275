"""What all parts said at one moment, as numbers; and what two moments say together: rates and shares."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from gameserver.broker.connections import Depth
from gameserver.declare import catalogue
from gameserver.messages.reports import COME_AGAIN, GatewayReport


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway. ``answered``: events by family; ``replies``: how many within so many seconds, by family.

    ``skew_s``: how far its machine's clock is ahead of server time.
    """

    name: str
    connections: int
    players: int
    cpu_s: float
    refused: int
    waiting: dict[str, int]
    oldest_s: dict[str, float]
    unavailable: tuple[str, ...]
    answered: dict[str, int]
    replies: dict[str, dict[float, int]]
    skew_s: float = 0.0


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """One worker, since its start and by family: ``events`` that came to their end, and how long it worked.

    ``ticks``: those that moved the world; ``skew_s``: how far its machine's clock is ahead of server time, and
    ``beat_skew_s`` beat's, by the ticks it was given.
    """

    name: str
    children: int
    queues: tuple[str, ...]
    events: dict[str, int]
    busy_s: dict[str, float]
    ticks: int = 0
    skew_s: float = 0.0
    beat_skew_s: float = 0.0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment at one moment.

    ``families``: family -> its queues; ``dead``: dead letters of the last hour, ``None`` when the database did not say;
    ``unreadable``: messages that were no events; ``unread``: events and rows of the outbox that no worker who took
    them could read.
    """

    at_s: float
    families: dict[str, tuple[str, ...]]
    gateways: tuple[Gateway, ...]
    workers: tuple[Worker, ...]
    depths: dict[str, Depth]
    dead: int | None
    unreadable: int
    unread: int = 0

    @property
    def beat_skew_s(self) -> float:
        """How far a beat's clock is ahead of server time."""
        return max((worker.beat_skew_s for worker in self.workers), key=abs, default=0.0)

    def serving(self, family: str) -> tuple[Worker, ...]:
        """The workers that take from any of a family's queues."""
        return tuple(worker for worker in self.workers if set(worker.queues) & set(self.families[family]))

    def unserved(self, family: str) -> tuple[str, ...]:
        """The family's queues from which nobody takes."""
        taken = {queue for worker in self.workers for queue in worker.queues}
        return tuple(queue for queue in self.families[family] if queue not in taken)

    def oldest_s(self, family: str) -> float:
        """The age of a family's oldest event that is unanswered."""
        return max((gateway.oldest_s.get(family, 0.0) for gateway in self.gateways), default=0.0)

    def waiting(self, family: str) -> int:
        """How many of its events are unanswered."""
        return sum(gateway.waiting.get(family, 0) for gateway in self.gateways)

    def batches(self, family: str) -> int:
        """How many batches stand in its queues."""
        return sum(self.depths[queue].messages for queue in self.families[family] if queue in self.depths)


class FamilyRates(msgspec.Struct, frozen=True, kw_only=True):
    """What a family did between two moments. ``busy``: the share of its children's time, 0 to 1."""

    events_per_s: float
    busy: float
    p50_s: float | None
    p99_s: float | None


def family_rates(before: Snapshot, now: Snapshot, family: str) -> FamilyRates:
    """A family between two moments; parts that were not there at both do not count."""
    span_s = max(now.at_s - before.at_s, 0.001)
    earlier = {worker.name: worker for worker in before.workers}
    pairs = [(earlier[worker.name], worker) for worker in now.workers if worker.name in earlier]
    children = sum(worker.children for worker in now.serving(family))
    busy_s = sum(max(0.0, w.busy_s.get(family, 0.0) - e.busy_s.get(family, 0.0)) for e, w in pairs)
    events = sum(max(0, w.events.get(family, 0) - e.events.get(family, 0)) for e, w in pairs)
    replies = _replies(before, now, family)
    return FamilyRates(
        events_per_s=events / span_s,
        busy=min(1.0, busy_s / span_s / children) if children else 0.0,
        p50_s=quantile(replies, 0.5),
        p99_s=quantile(replies, 0.99),
    )


def worker_rates(before: Snapshot, now: Snapshot, worker: Worker) -> tuple[float, float]:
    """A worker's events per second, and the share of its children's time that it worked."""
    span_s = max(now.at_s - before.at_s, 0.001)
    earlier = next((each for each in before.workers if each.name == worker.name), worker)
    events = sum(worker.events.values()) - sum(earlier.events.values())
    busy_s = sum(worker.busy_s.values()) - sum(earlier.busy_s.values())
    return max(0, events) / span_s, min(1.0, max(0.0, busy_s) / span_s / max(1, worker.children))


def ticks(before: Snapshot, now: Snapshot) -> int:
    """How many ticks moved the world between two moments."""
    earlier = {worker.name: worker.ticks for worker in before.workers}
    return sum(max(0, worker.ticks - earlier[worker.name]) for worker in now.workers if worker.name in earlier)


def gateway_rates(before: Snapshot, now: Snapshot, gateway: Gateway) -> tuple[float, float, float]:
    """A gateway's answered and refused events per second, and the share of a processor that it used."""
    span_s = max(now.at_s - before.at_s, 0.001)
    earlier = next((each for each in before.gateways if each.name == gateway.name), gateway)
    answered = sum(gateway.answered.values()) - sum(earlier.answered.values())
    return answered / span_s, (gateway.refused - earlier.refused) / span_s, (gateway.cpu_s - earlier.cpu_s) / span_s


def _replies(before: Snapshot, now: Snapshot, family: str) -> dict[float, int]:
    earlier = {gateway.name: gateway.replies.get(family, {}) for gateway in before.gateways}
    total: Counter[float] = Counter()
    for gateway in now.gateways:
        for bound, count in gateway.replies.get(family, {}).items():
            total[bound] += count - earlier.get(gateway.name, {}).get(bound, 0)
    return dict(total)


def quantile(cumulative: Mapping[float, int], share: float) -> float | None:
    """The upper bound of the bucket in which that share lies; ``None`` when nothing was counted."""
    bounds = sorted(cumulative)
    total = cumulative[bounds[-1]] if bounds else 0
    return next((bound for bound in bounds if cumulative[bound] >= share * total), None) if total else None


# Reading what the parts said.


def gateway_of(report: GatewayReport) -> Gateway:
    """A gateway from its report."""
    numbers = _Numbers(report.metrics)
    outcomes = numbers.by("gameserver_events_total", "outcome", "family")
    replies: dict[str, dict[float, int]] = defaultdict(lambda: defaultdict(int))
    for labels, value in numbers.of("gameserver_reply_seconds_bucket"):
        replies[labels["family"]][float(labels["le"])] += int(value)
    away = (labels["family"] for labels, value in numbers.of("gameserver_family_unavailable") if value)
    return Gateway(
        name=report.gateway,
        connections=int(numbers.sum("gameserver_connections")),
        players=int(numbers.sum("gameserver_players")),
        cpu_s=numbers.sum("process_cpu_seconds_total"),
        refused=int(sum(sum(per.values()) for outcome, per in outcomes.items() if outcome not in _BY_A_PROCESS)),
        waiting={family: int(n) for family, n in numbers.per("gameserver_waiting_events", "family").items()},
        oldest_s=numbers.per("gameserver_oldest_event_age_seconds", "family"),
        unavailable=tuple(away),
        answered={
            family: int(sum(outcomes[outcome].get(family, 0) for outcome in _BY_A_PROCESS))
            for family in {family for per in outcomes.values() for family in per}
        },
        replies={family: dict(buckets) for family, buckets in replies.items()},
        skew_s=numbers.sum("gameserver_clock_skew_seconds"),
    )


_BY_A_PROCESS = ("ok", "refused")


def worker_of(name: str, metrics: str) -> Worker:
    """A worker from its metrics."""
    numbers = _Numbers(metrics)
    return Worker(
        name=name,
        children=int(numbers.sum("gameserver_worker_children")),
        queues=tuple(sorted(labels["queue"] for labels, _ in numbers.of("gameserver_worker_queue"))),
        events=_ended(numbers),
        busy_s=numbers.per("gameserver_worker_batch_seconds_sum", "family"),
        ticks=_moved(numbers),
        skew_s=numbers.sum("gameserver_clock_skew_seconds"),
        beat_skew_s=numbers.sum("gameserver_beat_skew_seconds"),
    )


def _moved(numbers: "_Numbers") -> int:
    """How many ticks moved the world: of two beats' only one does, for each number."""
    pulse = catalogue.pulse()
    name = pulse.name if pulse else ""
    of_ticks = [(labels, n) for labels, n in numbers.of("gameserver_worker_events_total") if labels["event"] == name]
    return int(sum(n for labels, n in of_ticks if labels["outcome"] == "ok"))


def _ended(numbers: "_Numbers") -> dict[str, int]:
    """How many events of each family came to their end."""
    ended: Counter[str] = Counter()
    for labels, value in numbers.of("gameserver_worker_events_total"):
        if labels["outcome"] not in COME_AGAIN:
            ended[labels["family"]] += int(value)
    return dict(ended)


class _Numbers:
    """The samples of an exposition, by name."""

    def __init__(self, text: str) -> None:
        self._samples: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples[sample.name].append((sample.labels, sample.value))

    def of(self, name: str) -> Sequence[tuple[dict[str, str], float]]:
        return self._samples.get(name, [])

    def sum(self, name: str) -> float:
        return sum(value for _, value in self.of(name))

    def per(self, name: str, label: str) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for labels, value in self.of(name):
            found[labels[label]] += value
        return dict(found)

    def by(self, name: str, first: str, second: str) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for labels, value in self.of(name):
            found[labels[first]][labels[second]] += value
        return found
