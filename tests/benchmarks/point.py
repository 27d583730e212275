"""One measurement: clients come in, play for a while, and what they and the kernel saw is put together."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gameserver.broker.gateway_routing import route
from tests.benchmarks import batches, cores, load, machine, zones
from tests.benchmarks.servers import Running

ANSWERED_MIN = 0.99
P99_MS_MAX = 100.0
STEADY_S = 2.0
WAIT_S_MAX = 300.0


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from send to own reply, or to sight. What was not answered, or seen, counts as endless (null)."""

    sent: int
    answered: float
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None

    def in_time(self, slack: float = 1.0) -> bool:
        """Whether nearly all of it came, and soon; ``slack``: so many times as late will do."""
        if not self.sent:
            return True
        return self.answered >= ANSWERED_MIN and self.p99 is not None and self.p99 < slack * P99_MS_MAX


class Point(msgspec.Struct, kw_only=True):
    """What was seen. CPU in seconds per 1,000 packets that were answered, deliveries and bytes per second.

    ``sights``: from a move's being sent to its being seen by others, of some walkers.

    ``p99_by_window``: of what was sent in each ``STEADY_S``, ``seen_p99_by_window`` of sights. ``cores``: processors at
    work by tier; ``machine_cores`` of the whole machine, and ``elsewhere``: what of it belongs to no tier and not to
    the load generator. ``server_cores``: on how many the server ran (see the module ``cores``), ``load_cores``: what
    the generator used.
    """

    server: str
    workload: str
    clients: int
    rate: float
    seconds: float
    per_s: float
    deliveries_per_s: float
    bytes_per_s: float
    latency: Latency
    groups: dict[str, Latency]
    refused: dict[str, dict[str, int]]
    packets: dict[str, int]
    lost: int
    cores: dict[str, float]
    cpu_s_per_1000: dict[str, float]
    memory_mb: dict[str, float]
    batches: dict[str, Any]
    machine_cores: dict[str, float]
    load_cores: float
    load_late_ms: tuple[float, float]
    gateways: int = 1
    gateway_share: float = 0.0
    population: int = 0
    history: int = 0
    postgresql: bool = False
    p99_by_window: list[float | None] = []
    seen_p99_by_window: list[float | None] = []
    notes: dict[str, Any] = {}
    sights: Latency | None = None
    server_cores: int = cores.DEFAULT

    @property
    def disturbed(self) -> float:
        """Processors taken by what doesn't belong to the benchmark, on this machine or on others of the same host."""
        return self.machine_cores.get("elsewhere", 0.0) + self.machine_cores.get("stolen", 0.0)

    @property
    def good(self) -> bool:
        """Whether the server carries this load: who moves hears of it in time, and those around see it in time."""
        return self.good_own and (self.sights is None or self.sights.in_time())

    @property
    def good_own(self) -> bool:
        """Whether who moves hears of it in time, whenever others see it."""
        return self.latency.in_time() and not self.lost

    @property
    def unsteady(self) -> float | None:
        """The worst window's p99 by the median one's, of replies or of sights, whichever is worse."""
        parts = [worst_by_median(windows) for windows in (self.p99_by_window, self.seen_p99_by_window) if windows]
        return None if not parts or None in parts else max(part for part in parts if part is not None)


def _led(server: Running, groups: Sequence[load.Group], turned: int) -> dict[str, int]:
    """Where walkers are led to, in a list of the gateways' addresses that was turned so far."""
    names = [name for group in groups for name in group.names]
    zones_of = {name: zones.small(int(name[1:]), server.wanted.crowd, server.wanted.side)[0] for name in names}
    return {name: route(zone) % len(server.addresses) - turned for name, zone in zones_of.items()}


Meanwhile = Callable[[], dict[str, Any]]
Study = Callable[[dict[str, list[load.Seen]]], dict[str, Any]]


def measure(
    server: Running,
    groups: Sequence[load.Group],
    *,
    workload: str,
    seconds: float,
    warm_s: float = 3.0,
    drain_s: float = 1.0,
    generators: int = 1,
    task: str = "movement.move",
    seed: int = 1,
    enter_s_max: float = 120.0,
    websocket: bool = False,
    meanwhile: Meanwhile | None = None,
    study: Study | None = None,
    program: str = "tests.benchmarks.load",
) -> Point:
    """Measure. ``program`` makes the load.

    ``meanwhile`` is called when the window begins, and may take as long as the window; ``study`` is given
    what the clients saw. What they return is noted.
    """
    shares = [_share(groups, n, generators) for n in range(generators)]
    plans = [
        load.Plan(
            addresses=server.addresses[n % len(server.addresses) :] + server.addresses[: n % len(server.addresses)],
            groups=share,
            at=_led(server, share, n) if server.wanted.led else {},
            seed=seed + n,
            warm_s=warm_s,
            seconds=seconds,
            drain_s=drain_s,
            enter_s_max=enter_s_max,
            websocket=websocket,
        )
        for n, share in enumerate(shares)
    ]
    with cores.running_on(cores.of_generator(server.wanted.cores)):
        generators_ = [_Generator(plan, program) for plan in plans]
    try:
        return _observe(server, generators_, groups, workload, seconds, task, meanwhile, study)
    finally:
        for generator in generators_:
            generator.end()


def _share(groups: Sequence[load.Group], n: int, of: int) -> list[load.Group]:
    return [
        msgspec.structs.replace(
            group, names=group.names[n::of], secrets=group.secrets[n::of], at_once=max(1, group.at_once // of)
        )
        for group in groups
    ]


class _Generator:
    """A process of load."""

    def __init__(self, plan: load.Plan, program: str) -> None:
        self._popen = subprocess.Popen(
            (sys.executable, "-m", program),
            cwd=machine.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._popen.stdin is not None
        self._popen.stdin.write(msgspec.json.encode(plan))
        self._popen.stdin.close()

    def says(self, word: str) -> None:
        """Wait for a line."""
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline().strip().decode()
        if line != word:
            raise RuntimeError(f"the load generator said {line!r} instead of {word!r}")

    def report(self) -> load.Report:
        """What it saw."""
        assert self._popen.stdout is not None
        return msgspec.json.decode(self._popen.stdout.read(), type=load.Report)

    def end(self) -> None:
        """End it if it hasn't."""
        assert self._popen.stdout is not None
        self._popen.kill()
        self._popen.wait()
        self._popen.stdout.close()


def _observe(
    server: Running,
    generators: Sequence[_Generator],
    groups: Sequence[load.Group],
    workload: str,
    seconds: float,
    task: str,
    meanwhile: Meanwhile | None,
    study: Study | None,
) -> Point:
    watcher = batches.Watcher(server.amqp_url) if server.amqp_url else None
    for generator in generators:
        generator.says("ready")
    if watcher:
        watcher.start()
    for generator in generators:
        generator.says("begin")
    before, whole_before = machine.cpu_s(server.tiers), machine.whole_machine_s()
    if watcher:
        watcher.clear()
    notes = meanwhile() if meanwhile else {}
    for generator in generators:
        generator.says("end")
    after, whole_after = machine.cpu_s(server.tiers), machine.whole_machine_s()
    done = watcher.batches() if watcher else []
    memory = machine.memory_mb(server.tiers)
    if watcher:
        watcher.stop()
    reports = [generator.report() for generator in generators]
    used = {tier: after[tier] - before[tier] for tier in after}
    whole = {name: round((whole_after[name] - whole_before[name]) / seconds, 3) for name in whole_after}
    sizes = batches.summary(done, task)
    notes |= study(by_name(reports)) if study else {}
    return _point(server, reports, groups, workload, seconds, used, memory, sizes, whole, notes)


def _point(
    server: Running,
    reports: Sequence[load.Report],
    groups: Sequence[load.Group],
    workload: str,
    seconds: float,
    used: dict[str, float],
    memory: dict[str, float],
    sizes: dict[str, Any],
    whole_machine: dict[str, float],
    notes: dict[str, Any],
) -> Point:
    seen = by_name(reports)
    took = {name: [us for part in parts for us in part.took_us] for name, parts in seen.items()}
    whole = latency([us for each in took.values() for us in each])
    load_cores = sum(report.cpu_s / report.seconds for report in reports)
    elsewhere = whole_machine["busy"] - sum(used.values()) / seconds - load_cores
    answered = round(whole.sent * whole.answered)
    entered = {name: [us for part in parts for us in part.entered_us] for name, parts in seen.items()}
    packets = _sum([report.packets for report in reports])
    replies = [
        pair for parts in seen.values() for part in parts for pair in zip(part.sent_ms, part.took_us, strict=True)
    ]
    sights = [pair for parts in seen.values() for part in parts for pair in part.sights]
    return Point(
        server=server.wanted.kind,
        workload=workload,
        clients=sum(len(group.names) for group in groups),
        rate=groups[0].rate,
        seconds=seconds,
        per_s=round(answered / seconds, 1),
        deliveries_per_s=round((packets.get("m", 0) + packets.get("h", 0)) / seconds, 1),
        bytes_per_s=round(sum(report.received_bytes for report in reports) / seconds),
        latency=whole,
        groups={name: latency(us) for name, us in took.items()}
        | {f"{group.name} entering": latency(entered[group.name]) for group in groups if group.late},
        refused={name: _sum([part.refused for part in parts]) for name, parts in seen.items()},
        packets=packets,
        lost=sum(report.lost for report in reports),
        cores={tier: round(s / seconds, 3) for tier, s in used.items()},
        cpu_s_per_1000=_per_1000(used, answered),
        memory_mb=memory,
        batches=sizes,
        load_cores=round(load_cores, 3),
        load_late_ms=(
            max(report.late_us[0] for report in reports) / 1000,
            max(report.late_us[1] for report in reports) / 1000,
        ),
        machine_cores=whole_machine | {"elsewhere": round(max(0.0, elsewhere), 3)},
        gateways=server.wanted.gateways,
        gateway_share=server.wanted.gateway_share,
        population=server.wanted.population,
        history=server.wanted.history,
        postgresql=server.wanted.postgresql,
        p99_by_window=p99_by_window(replies),
        seen_p99_by_window=p99_by_window(sights),
        notes=notes,
        sights=latency([us for _, us in sights]) if sights else None,
        server_cores=server.wanted.cores,
    )


def p99_by_window(sent_and_took: Sequence[tuple[int, int]]) -> list[float | None]:
    """By when it was sent (ms)."""
    by_window: dict[int, list[int]] = {}
    for ms, us in sent_and_took:
        by_window.setdefault(ms // int(STEADY_S * 1000), []).append(us)
    return [latency(by_window[n]).p99 for n in sorted(by_window)]


def worst_by_median(p99s: Sequence[float | None]) -> float | None:
    """How much worse the worst is than the one in the middle; none where one of them is endless."""
    whole = [p99 for p99 in p99s if p99 is not None]
    return round(max(whole) / statistics.median(whole), 2) if len(whole) == len(p99s) else None


def _per_1000(used: dict[str, float], answered: int) -> dict[str, float]:
    if not answered:
        return {}
    return {tier: round(1000 * s / answered, 4) for tier, s in {**used, "total": sum(used.values())}.items()}


def by_name(reports: Sequence[load.Report]) -> dict[str, list[load.Seen]]:
    """What was seen, by the groups' names."""
    names = dict.fromkeys(seen.name for report in reports for seen in report.groups)
    return {name: [seen for report in reports for seen in report.groups if seen.name == name] for name in names}


def _sum(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    names = sorted({name for each in counts for name in each})
    return {name: sum(each.get(name, 0) for each in counts) for name in names}


def latency(took_us: Sequence[int]) -> Latency:
    """Percentiles over all that was sent."""
    good = sorted(us for us in took_us if us >= 0)

    def percentile(percent: float) -> float | None:
        n = int(len(took_us) * percent / 100)
        return round(good[n] / 1000, 2) if n < len(good) else None

    return Latency(
        sent=len(took_us),
        answered=round(len(good) / len(took_us), 5) if took_us else 1.0,
        p50=percentile(50),
        p95=percentile(95),
        p99=percentile(99),
        max=round(good[-1] / 1000, 2) if good else None,
    )
