"""One soak: bots come and go, a fault strikes every minute, all is measured, and what grows is named."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import msgspec

from gameserver.client.bots.run_stats import FOR_THE_TIME
from gameserver.modules.sessions.entities import CALM, EARS
from gameserver.testing.chaos.schedule import Fault, draw
from gameserver.testing.processes import Proc
from gameserver.testing.rabbitmq_node import RunningNode
from tests.chaos.schedule import ALL
from tests.chaos.stage import Stage
from tests.soak.measured import Measurements
from tests.soak.series import Judgement, Series, judge

PROGRAM = "tests.soak.program"
REMEMBERED = 20_000  # as gateways have it
REMEMBERED_SHORTLY = 1_000  # in runs of minutes
SHORT_S = 1_800.0
EVERY_S = 60.0  # between faults
MEASUREMENTS = 240
BETWEEN_S_MIN = 1.0  # two measurements
STAYING, COMING, RATE = 20, 10, 3.0  # bots that stay, bots of each crowd that comes and goes, events a second of each
CROWDS = 3
MIXED = ("--profile", "mixed")  # who stays, and one crowd of those that come and go; the others walk, fight and talk
VISIT_SHARE = (0.02, 0.08)  # of the run
VISIT_S_MIN = 15.0
GONE_BY = 4  # one visit of so many ends with a kill
SETTLE_S = 20.0
RECOVER_S_MAX = 120.0
BOTS_SETTLE_S = 45.0  # a crowd may end amid a fault, and is answered after it
BOTS_END_S_MAX = 60.0

# What would replace processes all the time, or the release: of those that live there would be too little to see.
LEFT_OUT = ("change a release", "skew a clock")
# These end a process: always the same ones, so that the others live long enough to be looked at.
ENDING = ("kill a worker", "stop a worker gently", "kill a gateway", "stop a gateway gently")
WEIGHTS = {fault: weight for fault, weight in ALL.items() if fault not in LEFT_OUT}
# What a gateway must have let go of when all players have gone.
EMPTY = {"connections": 0, "topics": 0, "watchers": 0, "conflated": 0}

_SUMMARY = re.compile(r"sent (\d+), answered (\d+), unanswered (\d+), reconnects (\d+)")
_ERRORS = re.compile(r"^errors: (.*)$", re.MULTILINE)


class SoakStage(Stage):
    """The stage of chaos, on which faults that end a process always end the same ones."""

    def _a_worker(self, fault: Fault) -> object:
        slots = list(self.families_of)
        return self._one_of(slots[-1:] if fault.what in ENDING else slots, fault.which)

    def _a_gateway(self, fault: Fault) -> object:
        slots = [f"gateway {n}" for n in range(len(self.gateways))]
        return self._one_of(slots[-1:] if fault.what in ENDING else slots, fault.which)


class Report(msgspec.Struct, kw_only=True):
    """What came of a run. ``bots``: what all of them counted; ``told``: what is wrong beside what grows."""

    seconds: float
    faults: dict[str, int]
    bots: dict[str, int]
    visits: int
    series: list[Series]
    told: list[str]

    @property
    def judgements(self) -> list[Judgement]:
        """What became of all that was measured."""
        return [judge(each, self.seconds) for each in self.series]

    @property
    def wrong(self) -> list[str]:
        """What is not as it should be."""
        return [*_grown(self.judgements), *self.told]


def stage_of(node: RunningNode, folder: Path, seconds: float, database_url: str = "", leak: str = "") -> SoakStage:
    """Make the stage of a run. ``leak``: who is to keep everything, "gateway" or "worker"; nobody by default."""
    env = {"SOAK_LEAK": leak, "SOAK_REMEMBERED": str(remembered(seconds))}
    return SoakStage(node, folder, database_url, app=PROGRAM, gateway_module=PROGRAM, env=env)


def remembered(seconds: float) -> int:
    """How much gateways remember at most."""
    return REMEMBERED if seconds >= SHORT_S else REMEMBERED_SHORTLY


def run(
    stage: SoakStage,
    seed: int,
    seconds: float,
    *,
    every_s: float = EVERY_S,
    rate: float = RATE,
    weights: Mapping[str, int] = WEIGHTS,
    say: Callable[[str], None] = print,
) -> Report:
    """Play for so long, recover, let all go, and judge."""
    stage.start_all()
    found = Measurements(stage, remembered(seconds), STAYING + CROWDS * COMING)
    began_s = time.monotonic()
    faults = draw(seed, seconds - RECOVER_S_MAX / 4, every_s, weights)
    with Bots(stage, seed, seconds, rate) as bots:
        for due_s, what in sorted(
            [*_looks(seconds), *((fault.at_s, fault) for fault in faults)], key=lambda due: due[0]
        ):
            time.sleep(max(0.0, began_s + due_s - time.monotonic()))
            if isinstance(what, Fault):
                say(f"{due_s:7.0f} s: {what.what}")
                stage.strike(what)
            else:
                found.take(time.monotonic() - began_s)
        stage.recover(RECOVER_S_MAX)
    seconds = time.monotonic() - began_s
    time.sleep(SETTLE_S)
    found.take(time.monotonic() - began_s)
    _bound_by_starts(stage, found)
    return Report(
        seconds=seconds,
        faults=dict(stage.struck),
        bots=dict(bots.counts),
        visits=bots.visits,
        series=list(found.series.values()),
        told=[*_unlike(bots.counts), *_left(stage, found), *stage.troubles],
    )


def _bound_by_starts(stage: Stage, found: Measurements) -> None:
    starts = len(stage.gateways) + sum(stage.struck[fault] for fault in ENDING if "gateway" in fault)
    found.series["rows", "gateways"].bound = float(gateway_rows(starts))


def gateway_rows(starts: int) -> int:
    """Compute how many rows ``gateways`` may have: one a start, kept for six hours, and the module's two marks."""
    return starts + len((EARS, CALM))


def _looks(seconds: float) -> Iterator[tuple[float, None]]:
    between_s = max(BETWEEN_S_MIN, seconds / MEASUREMENTS)
    return ((n * between_s, None) for n in range(int(seconds / between_s)))


def _grown(judgements: Sequence[Judgement]) -> Iterator[str]:
    for each in judgements:
        if each.is_bad:
            levels = f"{each.first:.1f} to {each.last:.1f}, {each.per_hour:+.1f} an hour"
            yield f"{each.kind} of {each.name} {each.verdict}: {levels}"


def _unlike(counts: Counter[str]) -> Iterator[str]:
    """What bots were told that nobody should be told."""
    if not counts["answered"]:
        yield "bots were answered nothing"
    for what, count in counts.items():
        code = what.removeprefix("error ")
        if count and (what == "unanswered" or (code != what and code not in FOR_THE_TIME)):
            yield f"bots: {count} {what}"


def _left(stage: Stage, found: Measurements) -> Iterator[str]:
    """What gateways keep of players who are gone."""
    pids = {f"({proc.pid})" for proc in stage.gateways}
    for (kind, name), series in found.series.items():
        registry = name.rpartition(": ")[2]
        if kind == "registry" and registry in EMPTY and any(pid in name for pid in pids):
            last = series.points[-1][1]
            if last > EMPTY[registry]:
                yield f"{name}: {last:.0f} are left when all players have gone"


class Bots:
    """Crowds of bots, a process each: one that stays, and some that come and go, now and then without a word."""

    def __init__(self, stage: Stage, seed: int, seconds: float, rate: float) -> None:
        self._stage = stage
        self._rng = Random(f"visits {seed}")
        self._seconds = seconds
        self._rate = rate
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.visits = 0

    def __enter__(self) -> "Bots":
        self._begin(self._stay)
        for n in range(CROWDS):
            self._begin(self._come_and_go, n)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(BOTS_END_S_MAX + self._visit_s(VISIT_SHARE[1]))

    def _begin(self, what: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=what, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _stay(self) -> None:
        bots = self._start("stays", STAYING, MIXED)
        self._over.wait()
        self._end(bots, signal.SIGINT)

    def _come_and_go(self, n: int) -> None:
        while not self._over.is_set():
            share, gone = self._rng.uniform(*VISIT_SHARE), self._rng.randrange(GONE_BY) == 0
            bots = self._start(f"crowd{n}b", COMING, MIXED if n % 2 else ())
            self._over.wait(self._visit_s(share))
            self._end(bots, signal.SIGKILL if gone else signal.SIGINT)

    def _visit_s(self, share: float) -> float:
        return max(VISIT_S_MIN, share * self._seconds)

    def _start(self, prefix: str, count: int, plays: Sequence[str]) -> Proc:
        where = [word for host, port in self._stage.addresses for word in ("--address", f"{host}:{port}")]
        how = ("--count", str(count), "--rate", str(self._rate), "--forever", "--name-prefix", prefix, *plays)
        ends = ("--settle", str(BOTS_SETTLE_S))
        command = (sys.executable, "-m", "gameserver", "bots", *how, *ends, *where)
        with self._lock:
            self.visits += 1
            log = self._stage.folder / f"bots-{self.visits}.log"
        return Proc("bots", command, self._stage.environ, log)

    def _end(self, bots: Proc, number: signal.Signals) -> None:
        bots.stop_by(number)
        try:
            bots.wait(BOTS_END_S_MAX)
        except subprocess.TimeoutExpired:
            bots.end()
        found = counted(bots.text)
        with self._lock:
            self.counts.update(found)
        if not found["unanswered"]:  # else it is looked at
            os.truncate(bots.log, 0)


def counted(text: str) -> Counter[str]:
    """What the summary of a crowd counted; nothing where it was killed before it had one."""
    summary, errors = _SUMMARY.search(text), _ERRORS.search(text)
    counts: Counter[str] = Counter()
    if summary and errors:
        counts.update(
            dict(zip(("sent", "answered", "unanswered", "reconnects"), map(int, summary.groups()), strict=True))
        )
        named = [] if errors[1] == "none" else errors[1].split(", ")
        counts.update({f"error {code}": int(count) for code, _, count in (each.rpartition(" ") for each in named)})
    return counts
