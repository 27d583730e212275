"""The judgement of a soak: a leak is found, and what is noisy, saturates, or falls back is none."""

import math
from collections import Counter
from collections.abc import Callable
from random import Random

import msgspec
import pytest

from gameserver.declare.session_events import Heartbeat
from gameserver.testing.two_zones import circumstances, play, state
from tests.soak.measured import tables
from tests.soak.report import page
from tests.soak.run import REMEMBERED, REMEMBERED_SHORTLY, Report, counted, gateway_rows, remembered
from tests.soak.series import BOUNDED, FLAT, GROWS, KINDS, OVER, SHORT, Series, judge, slope

RUN_S = 7200.0
EVERY_S = 30.0


def series(kind: str, level: Callable[[float], float], since_s: float = 0.0, **more: float) -> Series:
    times = [since_s + n * EVERY_S for n in range(int((RUN_S - since_s) / EVERY_S))]
    return Series(kind=kind, name="it", points=[(at_s, level(at_s)) for at_s in times], **more)


def noise(seed: int, size: float) -> Callable[[float], float]:
    rng = Random(seed)
    return lambda _: rng.uniform(-size, size)


NOISES = [noise(seed, 3.0) for seed in range(8)]


@pytest.mark.parametrize("noisy", NOISES)
@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("memory", lambda at_s: 60.0),
        ("memory", lambda at_s: 90.0 - 30.0 * math.exp(-at_s / 900)),  # caches fill
        ("memory", lambda at_s: 60.0 if at_s < 1_000 else 85.0),  # somebody came, and stayed
        ("memory", lambda at_s: 60.0 + (at_s % 1_500) / 100),  # a sawtooth: collected again and again
        ("memory", lambda at_s: 60.0 + 15 * math.sin(at_s / 600)),
        ("memory", lambda at_s: 90.0 - at_s / 400),
        ("rows", lambda at_s: 200.0 + 40 * math.sin(at_s / 300)),
        ("descriptors", lambda at_s: 30.0),
        ("messages", lambda at_s: 4_000.0 if 3_000 < at_s < 3_200 else 0.0),  # a backlog while a worker was gone
        ("messages", lambda at_s: at_s if at_s < RUN_S - 2 * EVERY_S else 0.0),  # worked off when all had gone
    ],
)
def test_what_comes_to_rest_or_goes_back_does_not_grow(
    kind: str, level: Callable[[float], float], noisy: Callable[[float], float]
) -> None:
    size = {"descriptors": 0.5}.get(kind, 1.0)
    assert judge(series(kind, lambda at_s: level(at_s) + size * noisy(at_s)), RUN_S).verdict == FLAT


@pytest.mark.parametrize("noisy", NOISES)
@pytest.mark.parametrize(
    ("kind", "per_hour", "level"),
    [
        ("memory", 12.0, lambda at_s: 60.0),
        ("memory", 20.0, lambda at_s: 60.0 + (at_s % 900) / 200),
        ("memory", 20.0, lambda at_s: 90.0 - 30.0 * math.exp(-at_s / 600)),
        ("descriptors", 12.0, lambda at_s: 30.0),
        ("rows", 60.0, lambda at_s: 200.0),
        ("rows", 40.0, lambda at_s: 20.0),
        ("registry", 100.0, lambda at_s: 40.0),
        ("broker's objects", 12.0, lambda at_s: 40.0),
        ("file", 30.0, lambda at_s: 10.0),
    ],
)
def test_a_doctored_leak_is_found_under_noise(
    kind: str, per_hour: float, level: Callable[[float], float], noisy: Callable[[float], float]
) -> None:
    leaking = judge(series(kind, lambda at_s: level(at_s) + noisy(at_s) + per_hour * at_s / 3600), RUN_S)
    assert leaking.verdict == GROWS
    assert leaking.is_bad
    assert leaking.per_hour == pytest.approx(per_hour, rel=0.5)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_has_a_doctored_leak(kind: str) -> None:
    steep = max(KINDS[kind].most, 1.0) * 2
    assert judge(series(kind, lambda at_s: steep * at_s / 3600), RUN_S).is_bad


def test_what_lived_shortly_tells_nothing() -> None:
    assert judge(series("memory", lambda at_s: at_s, since_s=5_500.0), RUN_S).verdict == SHORT
    assert judge(Series(kind="memory", name="it", points=[(0.0, 1.0)]), RUN_S).verdict == SHORT


def test_what_has_a_bound_may_grow_up_to_it_and_no_further() -> None:
    assert judge(series("registry", lambda at_s: at_s, bound=RUN_S), RUN_S).verdict == BOUNDED
    assert judge(series("registry", lambda at_s: at_s, bound=RUN_S / 2), RUN_S).verdict == OVER


def test_the_slope_is_that_of_most_pairs_whatever_some_are() -> None:
    assert slope([]) == slope([(1.0, 5.0)]) == 0.0
    straight = [(float(n), 2.0 * n) for n in range(20)]
    assert slope(straight) == 2.0
    assert slope([*straight[:5], (5.0, 9_999.0), *straight[6:]]) == pytest.approx(2.0, rel=0.05)


def test_short_runs_see_what_is_remembered_come_to_its_bound() -> None:
    assert remembered(7_200) == REMEMBERED
    assert remembered(900) == REMEMBERED_SHORTLY


def test_the_summary_of_a_crowd_is_counted_and_that_of_a_killed_one_is_none() -> None:
    text = "sent 12, answered 11, unanswered 1, reconnects 2\nerrors: busy 3, in_doubt 1\n"
    assert counted(text) == Counter(
        {"sent": 12, "answered": 11, "unanswered": 1, "reconnects": 2, "error busy": 3, "error in_doubt": 1}
    )
    assert counted("sent 1, answered 1, unanswered 0, reconnects 0\nerrors: none\n")["answered"] == 1
    assert counted("  12 s  bots 3") == Counter()


def test_the_page_says_what_grows_first() -> None:
    report = Report(
        seconds=RUN_S,
        faults={"kill a worker": 2},
        bots={"answered": 1_000},
        visits=3,
        series=[series("memory", lambda at_s: 5.0), series("memory", lambda at_s: at_s)],
        told=[],
    )
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report).wrong == report.wrong
    text = page(report, "Today")
    assert "2 x kill a worker" in text
    assert text.index("memory of it grows") < text.index("## Memory (MB)")
    assert text.index(GROWS, text.index("## Memory")) < text.index(FLAT)


def test_what_was_measured_of_tables_can_be_kept() -> None:
    """An hour's report was lost because its names were SQLAlchemy's."""
    assert "players" in msgspec.json.decode(msgspec.json.encode(tables()))


def test_the_bound_of_gateways_is_what_their_heartbeats_write() -> None:
    """Two starts left four rows, and a soak called them too many: two are marks of the sessions module's own."""
    beats = [play(Heartbeat(sessions=0), state(), circumstances(gateway=gateway)) for gateway in ("g1", "g2")]
    assert len({row.id for beat in beats for row in beat.put}) == gateway_rows(2)
