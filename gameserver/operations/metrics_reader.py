"""Read the metrics that gateways and workers show (Prometheus' text) into the parts of a snapshot."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from prometheus_client.parser import text_string_to_metric_families

from gameserver.declare import catalogue
from gameserver.messages.process_reports import COME_AGAIN, GatewayReport
from gameserver.operations.snapshot import Gateway, Worker

_OUTCOMES_OF_PROCESSES = ("ok", "refused")


def read_gateway(report: GatewayReport) -> Gateway:
    """Read a gateway's state from its report."""
    samples = _Samples(report.metrics)
    outcomes = samples.by("gameserver_events_total", "outcome", "family")
    return Gateway(
        name=report.gateway,
        connections=int(samples.sum("gameserver_connections")),
        players=int(samples.sum("gameserver_players")),
        cpu_s=samples.sum("process_cpu_seconds_total"),
        refused=_refused(outcomes),
        waiting={family: int(n) for family, n in samples.per("gameserver_waiting_events", "family").items()},
        oldest_s=samples.per("gameserver_oldest_event_age_seconds", "family"),
        unavailable=tuple(labels["family"] for labels, value in samples.of("gameserver_family_unavailable") if value),
        answered=_answered(outcomes),
        replies=_reply_buckets(samples),
        skew_s=samples.sum("gameserver_clock_skew_seconds"),
        connections_max=int(samples.sum("gameserver_connections_max")),
        batches=_batches(samples),
    )


def _batches(samples: "_Samples") -> dict[str, int]:
    """Count the batches that a gateway published, by task."""
    counts = samples.of("gameserver_batch_events_count")
    return {f"{labels['family']}.{labels['event']}": int(count) for labels, count in counts}


_Outcomes = Mapping[str, Mapping[str, float]]  # outcome -> family -> events


def _answered(outcomes: _Outcomes) -> dict[str, int]:
    """Count the events of each family that a process answered."""
    families = {family for per_family in outcomes.values() for family in per_family}
    answers = [outcomes.get(outcome, {}) for outcome in _OUTCOMES_OF_PROCESSES]
    return {family: int(sum(per_family.get(family, 0) for per_family in answers)) for family in families}


def _refused(outcomes: _Outcomes) -> int:
    """Count the events that the gateway itself refused."""
    own = [per_family for outcome, per_family in outcomes.items() if outcome not in _OUTCOMES_OF_PROCESSES]
    return int(sum(sum(per_family.values()) for per_family in own))


def _reply_buckets(samples: "_Samples") -> dict[str, dict[float, int]]:
    """Sum the histograms of a family's events: how many were answered within so many seconds."""
    buckets: dict[str, dict[float, int]] = defaultdict(lambda: defaultdict(int))
    for labels, value in samples.of("gameserver_reply_seconds_bucket"):
        buckets[labels["family"]][float(labels["le"])] += int(value)
    return {family: dict(per_bound) for family, per_bound in buckets.items()}


def read_worker(name: str, metrics: str) -> Worker:
    """Read a worker's state from its metrics."""
    samples = _Samples(metrics)
    return Worker(
        name=name,
        children=int(samples.sum("gameserver_worker_children")),
        queues=tuple(sorted(labels["queue"] for labels, _ in samples.of("gameserver_worker_queue"))),
        events=_events_finished(samples),
        busy_s=samples.per("gameserver_worker_batch_seconds_sum", "family"),
        ticks=_ticks_applied(samples),
        skew_s=samples.sum("gameserver_clock_skew_seconds"),
        beat_skew_s=samples.sum("gameserver_beat_skew_seconds"),
    )


def _ticks_applied(samples: "_Samples") -> int:
    """Count the ticks that changed the world: where two beats run, one of their ticks of each number does."""
    pulse = catalogue.pulse()
    name = pulse.name if pulse else ""
    of_ticks = [(labels, n) for labels, n in samples.of("gameserver_worker_events_total") if labels["event"] == name]
    return int(sum(n for labels, n in of_ticks if labels["outcome"] == "ok"))


def _events_finished(samples: "_Samples") -> dict[str, int]:
    """Count the events of each family that were finished: those that will come again are not."""
    ended: Counter[str] = Counter()
    for labels, value in samples.of("gameserver_worker_events_total"):
        if labels["outcome"] not in COME_AGAIN:
            ended[labels["family"]] += int(value)
    return dict(ended)


class _Samples:
    """The samples of metrics in Prometheus' text format, by name."""

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
