"""The status screen: gateways, families, workers and dead letters, with rates from two snapshots."""

import time
from collections.abc import Sequence

from gameserver.operations import batch_bound
from gameserver.operations.rates import family_rates, gateway_rates, worker_rates
from gameserver.operations.snapshot import Snapshot
from gameserver.store.engine import CONNECTIONS_MAX

Row = Sequence[str]

SKEW_SHOWN_S = 0.5


def format_screen(before: Snapshot, now: Snapshot) -> str:
    """Format the whole screen."""
    parts = [_headline(before, now), _gateways(before, now), _families(before, now), _workers(before, now)]
    parts += [_capacity(now)]
    return "\n\n".join(parts) + "\n"


def _headline(before: Snapshot, now: Snapshot) -> str:
    rate = sum(family_rates(before, now, family).events_per_s for family in now.families)
    dead = "?" if now.dead is None else str(now.dead)
    return "   ".join(
        (
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now.at_s)),
            f"{sum(gateway.players for gateway in now.gateways)} players",
            f"{rate:.1f} events/s",
            f"dead letters in the last hour: {dead}",
            f"messages in the queue dead: {now.in_dead}",
            f"beat's clock: {_skew(now.beat_skew_s)}",
        )
    )


def _gateways(before: Snapshot, now: Snapshot) -> str:
    rows: list[Row] = [
        ("GATEWAY", "SESSIONS", "PLAYERS", "WAITING", "EVENTS/S", "REFUSED/S", "CPU", "CLOCK", "UNAVAILABLE")
    ]
    for gateway in now.gateways:
        answered, refused, cpu = gateway_rates(before, now, gateway)
        rows.append(
            (
                gateway.name,
                str(gateway.connections),
                str(gateway.players),
                str(sum(gateway.waiting.values())),
                f"{answered:.1f}",
                f"{refused:.1f}",
                f"{cpu:.0%}",
                _skew(gateway.skew_s),
                ", ".join(gateway.unavailable) or "-",
            )
        )
    return _table(rows) if now.gateways else "No gateway answers."


def _families(before: Snapshot, now: Snapshot) -> str:
    titles = ("FAMILY", "QUEUED", "WAITING", "OLDEST", "EVENTS/S", "REPLY P50", "P99", "WORKERS", "CHILDREN", "BUSY")
    rows: list[Row] = [titles]
    for family in now.families:
        rates, workers = family_rates(before, now, family), now.serving(family)
        rows.append(
            (
                family,
                f"{now.batches(family)} batches",
                str(now.waiting(family)),
                _duration(now.oldest_s(family)),
                f"{rates.events_per_s:.1f}",
                _within(rates.p50_s),
                _within(rates.p99_s),
                str(len(workers)),
                str(sum(worker.children for worker in workers)),
                f"{rates.busy:.0%}",
            )
        )
    return _table(rows)


def _workers(before: Snapshot, now: Snapshot) -> str:
    rows: list[Row] = [("WORKER", "CHILDREN", "EVENTS/S", "BUSY", "CLOCK", "QUEUES")]
    for worker in now.workers:
        rate, busy = worker_rates(before, now, worker)
        queues = ", ".join(worker.queues) or "none"
        clock = _skew(worker.skew_s)
        rows.append((worker.name, str(worker.children), f"{rate:.1f}", f"{busy:.0%}", clock, queues))
    return _table(rows) if now.workers else "No worker answers."


def _capacity(now: Snapshot) -> str:
    """Say how many children can be busy at most: those of the workers, and as many as batches can be under way."""
    tasks = {family: batch_bound.sent(now, family) for family in now.families}
    bounds = ", ".join(f"{family} {batch_bound.bound(now, sent)}" for family, sent in tasks.items() if sent)
    every = batch_bound.format_bound(now, now.flight.queues)
    return f"Children {now.children}; batches of gateways under way at most {every}: {bounds}{_connections(now)}"


def _connections(now: Snapshot) -> str:
    """Say how many connections the children take at most, and how many there are; nothing of SQLite, which has none."""
    database = now.database
    if not database.connections_max and not database.fault:
        return ""
    there = f"{database.connections} of {database.connections_max}" if database.connections_max else "? of ?"
    made_of = f"{now.children} x {CONNECTIONS_MAX}"
    return f"\nConnections to the database {there}; children take at most {now.children * CONNECTIONS_MAX} ({made_of})"


def _skew(seconds: float) -> str:
    """Format how far a clock is ahead of server time; "ok" where that does not matter."""
    return "ok" if abs(seconds) < SKEW_SHOWN_S else f"{seconds:+.1f} s"


def _duration(seconds: float) -> str:
    if not seconds:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _within(bound_s: float | None) -> str:
    """Format the bound of a histogram's bucket."""
    if bound_s is None:
        return "-"
    return "> 30 s" if bound_s == float("inf") else f"< {_duration(bound_s)}"


def _table(rows: Sequence[Row]) -> str:
    """Align the columns: the first and the last to the left, numbers to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    last = len(widths) - 1
    return "\n".join(
        "  ".join(
            text.ljust(width) if n == 0 or (n == last and not text.endswith("%")) else text.rjust(width)
            for n, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
