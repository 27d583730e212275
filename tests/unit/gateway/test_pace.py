from gateway import latency_budget
from gateway.pace import Pace

BUDGET_S = 0.1


def looked(pace: Pace, *busy: float) -> Pace:
    """Look at it each quarter of a second, in which it was so busy."""
    now_s, rested_s = 100.0, 5.0
    pace.look(now_s, rested_s)
    for part in busy:
        now_s, rested_s = now_s + 0.25, rested_s + 0.25 * (1 - part)
        pace.look(now_s, rested_s)
    return pace


def test_it_begins_with_what_was_set():
    pace = looked(Pace(BUDGET_S))
    assert (pace.busy, pace.stretch, pace.budget_s) == (0, 1, BUDGET_S)


def test_a_gateway_that_rests_keeps_to_its_budget_however_much_it_does():
    pace = looked(Pace(BUDGET_S), *[0.8] * 100)
    assert (pace.stretch, pace.budget_s) == (1, BUDGET_S)
    assert 0.79 < pace.busy < 0.81


def test_one_without_rest_lets_everything_wait_longer_and_finds_back():
    pace = looked(Pace(BUDGET_S), *[1.0] * 50)
    assert pace.stretch == latency_budget.STRETCH_MAX
    assert pace.budget_s == BUDGET_S * latency_budget.STRETCH_MAX
    assert looked(pace, *[0.5] * 50).budget_s == BUDGET_S


def test_a_moment_without_rest_is_no_saturation():
    pace = looked(Pace(BUDGET_S), *[0.9, 0.9, 1.0] * 20)
    assert (pace.stretch, pace.budget_s) == (1, BUDGET_S)


def test_two_looks_at_one_moment_say_nothing():
    pace = looked(Pace(BUDGET_S), *[0.5] * 20)
    busy = pace.busy
    pace.look(100 + 20 * 0.25, 5.0)
    assert (pace.stretch, pace.busy) == (1, busy)
