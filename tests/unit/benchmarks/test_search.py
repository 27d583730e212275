import math

import msgspec
import pytest

from tests.benchmarks import search
from tests.benchmarks.point import Point, latency
from tests.unit.benchmarks.points import point


def _point(clients: int, seconds: float, capacity: int) -> Point:
    """As if measured on a server that carries so many."""
    return point(clients, ms=1 if clients <= capacity else 200, seconds=seconds)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "RECOVER_S", 0.0)


@pytest.mark.parametrize("capacity", [45, 160, 1_000, 1_460, 3_333])
@pytest.mark.parametrize("start", [140, 1_000, 6_000])
def test_the_largest_load_is_found(capacity: int, start: int) -> None:
    tried: list[Point] = []

    def told(one: Point, kind: str) -> Point:
        tried.append(one)
        return one

    found = search.Search(lambda c, s: _point(c, s, capacity), 20.0, 6_000, told).largest(start, math.inf)
    assert found is not None
    assert found.clients <= capacity
    assert found.clients > min(capacity / search.FINE, capacity - 20) - 20
    assert found.seconds == 20.0
    assert len(tried) < 25


def test_a_server_that_carries_nothing_is_not_searched_for_ever() -> None:
    found = search.Search(lambda c, s: _point(c, s, 0), 20.0, 6_000, lambda p, kind: p).largest(1_000, math.inf)
    assert found is None


def test_a_search_whose_time_is_over_measures_no_more() -> None:
    tried: list[int] = []

    def measured(clients: int, seconds: float) -> Point:
        tried.append(clients)
        return _point(clients, seconds, 6_000)

    assert search.Search(measured, 20.0, 6_000, lambda p, kind: p).largest(100, -math.inf) is None
    assert tried == []


def test_what_failed_while_others_took_processors_is_measured_again() -> None:
    stolen = [0.5]

    def measured(clients: int, seconds: float) -> Point:
        one = _point(clients, seconds, 100 if stolen else 1_000)
        return msgspec.structs.replace(one, machine_cores={"stolen": stolen.pop() if stolen else 0.0})

    found = search.Search(measured, 20.0, 6_000, lambda p, kind: p).largest(900, math.inf)
    assert found is not None
    assert found.clients > 900


def test_loss_and_late_answers_are_not_carried() -> None:
    good = _point(100, 20.0, 100)
    assert good.good
    assert not msgspec.structs.replace(good, lost=1).good
    assert not msgspec.structs.replace(good, latency=latency([1_000] * 98 + [-1] * 2)).good
    assert not _point(101, 20.0, 100).good


@pytest.mark.parametrize("sights_us", [[200_000] * 100, [1_000] * 98 + [200_000] * 2, [1_000] * 98 + [-1] * 2])
def test_what_others_see_late_or_never_is_not_carried_though_it_is_by_the_former_definition(
    sights_us: list[int],
) -> None:
    answered = _point(100, 20.0, 100)
    assert msgspec.structs.replace(answered, sights=latency([1_000] * 100)).good
    unseen = msgspec.structs.replace(answered, sights=latency(sights_us))
    assert not unseen.good
    assert unseen.good_own


def test_the_largest_load_by_the_former_definition_is_another() -> None:
    def measured(clients: int, seconds: float) -> Point:
        return point(clients, ms=1 if clients <= 2_000 else 200, seen_ms=1 if clients <= 500 else 200, seconds=seconds)

    by = {False: lambda one: one.good, True: lambda one: one.good_own}
    found = {
        own: search.Search(measured, 20.0, 6_000, lambda p, kind: p, carries).largest(1_000, math.inf)
        for own, carries in by.items()
    }
    assert 400 < found[False].clients <= 500
    assert 1_800 < found[True].clients <= 2_000
