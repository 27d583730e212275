"""What was wanted beside what was measured, and the tables of a run."""

from pathlib import Path

import pytest

from tests.benchmarks import everything, lab, verdict
from tests.benchmarks.__main__ import BUDGET_S
from tests.benchmarks.report import put, report
from tests.benchmarks.verdict import TARGETS, Run
from tests.unit.benchmarks.points import point, record

LARGEST = "largest load, of the floor's"


def judged(run: Run) -> dict[str, tuple[str, str]]:
    return {what: (measured, held) for what, _, measured, held in verdict.rows(run)}


def both(ours: int, floor: int, **where: object) -> list[object]:
    return [record("largest", point(ours, **where)), record("largest", point(floor, server="floor", **where))]


@pytest.mark.parametrize(
    ("ours", "measured", "held"), [(1_400, "1.4", "held"), (1_300, "1.3", "held"), (1_290, "1.29", "not held")]
)
def test_a_bound_is_held_or_not(ours: int, measured: str, held: str) -> None:
    assert judged(Run(both(ours, 1_000)))[LARGEST] == (measured, held)


def test_medians_of_what_is_of_the_kind_count_and_nothing_else() -> None:
    records = [*both(1_000, 1_000), *both(3_000, 1_000), *both(1_500, 1_000)]
    records += both(9_000, 1_000, server_cores=1) + both(9_000, 1_000, postgresql=True)
    records += [record("largest own", point(9_000)), record("search", point(9_000))]
    assert judged(Run(records))[LARGEST] == ("1.5", "held")
    assert judged(Run(records))["largest load on one core, of the floor's on one core"][0] == "9"
    assert judged(Run(records))["largest load on PostgreSQL, of SQLite's"][0] == "6"


def test_what_was_not_measured_says_so() -> None:
    assert judged(Run([])) == {target.what: ("not measured", "") for target in TARGETS}


def test_an_endless_p50_holds_nothing() -> None:
    seen = point(
        20,
        workload="quiet",
        latency=point(lost=0).latency.__class__(**dict.fromkeys(("p50", "p95", "p99", "max")), sent=9, answered=0),
    )
    assert judged(Run([record("point", seen)]))["the same in a quiet server (20 clients), p50"] == (
        "inf ms",
        "not held",
    )


def test_a_move_that_costs_more_with_more_clients_is_found() -> None:
    costs = {100: 1.0, 400: 0.5, 2_000: 0.6, 10_000: 0.3}
    run = Run([record("curve", point(clients, cost=cost)) for clients, cost in costs.items()])
    assert judged(run)["CPU per move with more clients, of that with the next fewer (100 to 10,000), at most"] == (
        "1.2",
        "not held",
    )


def test_transfers_are_compared_with_the_plain_servers_of_the_same_database() -> None:
    latency = {"p50": 10.0, "p99": 50.0}
    seen = [
        {"server": server, "database": "sqlite", "case": "connected", "paced": 0, "per_s": rate, "latency": latency}
        | {"refused": {}, "lost": 0, "wrong": []}
        for server, rate in (("game server", 8_000.0), ("plain", 10_000.0))
    ]
    seen.append(seen[0] | {"database": "postgresql", "paced": 6_000, "refused": {"mailbox_full": 3}, "wrong": ["w1"]})
    found = judged(Run([], seen))
    assert found["transfers on SQLite, of a plain server's"] == ("0.8", "held")
    assert found["transfers refused, connections lost, accounts wrong"] == ("4", "not held")
    assert judged(Run([], seen[:1]))["transfers refused, connections lost, accounts wrong"] == ("0", "held")
    assert found["transfers on PostgreSQL, of a plain server's"][0] == "not measured"


def test_tables_are_put_between_the_markers_that_have_their_names() -> None:
    page = "a\n<!-- verdict -->\nold\n<!-- end of verdict -->\nb\n<!-- other -->\nkept\n<!-- end of other -->\n"
    written = put(page, report(both(1_400, 1_000)))
    assert "| largest load, of the floor's | 1.3 or more | 1.4 | held |" in written
    assert "old" not in written
    assert written.endswith("b\n<!-- other -->\nkept\n<!-- end of other -->\n")


def test_the_five_figures_are_those_of_the_run() -> None:
    three_quarters = record("three quarters", point(1_000, ms=20, seen_ms=60))
    at_400 = [record("point", point(400, server=server)) for server in ("gameserver", "floor")]
    idle = record("point", point(20, workload="idle20", server="make run"))
    records = [*both(1_400, 1_000), *both(700, 1_000, server_cores=1), three_quarters, *at_400, idle]
    records.append(record("largest", point(1_200, postgresql=True)))
    headline = report(records)["headline"]
    assert len(headline.splitlines()) == 2 + 5
    for figure in ("**2,800 moves/s**", "1.40 times", "0.70 times", "**60**", "0.86 times", "**0.050**", "400 MB"):
        assert figure in headline


def test_a_whole_run_takes_no_longer_than_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    monkeypatch.setattr(lab.time, "monotonic", lambda: now_s[0])
    done = []

    def taking(seconds: float) -> None:
        now_s[0] += seconds
        done.append(seconds)

    parts = [lab.Part(str(n), 100, lambda lab_, until_s: taking(90)) for n in range(9)]
    assert lab.play(None, parts, 480) == ["5", "6", "7", "8"]  # type: ignore[arg-type]
    assert len(done) == 5


def test_everything_that_a_target_asks_for_has_its_turn_before_anything_is_measured_again(tmp_path: Path) -> None:
    parts = everything.parts(tmp_path, "r")
    names = [part.name for part in parts]
    again = next(n for n, name in enumerate(names) if name in names[:n])
    for wanted in ("400 clients", "quiet", "idle20", "by load", "both databases", "transfers --postgresql"):
        assert names.index(wanted) < again
    assert sum(part.seconds for part in parts[:again]) < BUDGET_S
