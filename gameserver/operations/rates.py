"""What a deployment did between two snapshots: rates, and shares of time."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from gameserver.operations.snapshot import Gateway, Snapshot, Worker


class FamilyRates(msgspec.Struct, frozen=True, kw_only=True):
    """The work of a family between two snapshots. ``busy``: the share of its children's time, 0 to 1."""

    events_per_s: float
    busy: float
    p50_s: float | None
    p99_s: float | None


def family_rates(before: Snapshot, now: Snapshot, family: str) -> FamilyRates:
    """Compute the rates of a family between two snapshots. Parts that are missing in one of them are left out."""
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
    """Compute a worker's events per second, and the share of its children's time that it worked, 0 to 1."""
    span_s = max(now.at_s - before.at_s, 0.001)
    earlier = next((each for each in before.workers if each.name == worker.name), worker)
    events = sum(worker.events.values()) - sum(earlier.events.values())
    busy_s = sum(worker.busy_s.values()) - sum(earlier.busy_s.values())
    return max(0, events) / span_s, min(1.0, max(0.0, busy_s) / span_s / max(1, worker.children))


def ticks(before: Snapshot, now: Snapshot) -> int:
    """Count the ticks that changed the world between two snapshots."""
    earlier = {worker.name: worker.ticks for worker in before.workers}
    return sum(max(0, worker.ticks - earlier[worker.name]) for worker in now.workers if worker.name in earlier)


def gateway_rates(before: Snapshot, now: Snapshot, gateway: Gateway) -> tuple[float, float, float]:
    """Compute a gateway's answered and refused events per second, and the share of a processor that it used."""
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
    """Find the upper bound of the bucket in which that share lies; ``None`` when nothing was counted."""
    bounds = sorted(cumulative)
    total = cumulative[bounds[-1]] if bounds else 0
    return next((bound for bound in bounds if cumulative[bound] >= share * total), None) if total else None
