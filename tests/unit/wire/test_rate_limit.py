from hypothesis import given
from hypothesis import strategies as st

from gameserver.wire.rate_limit import TokenBucket


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=2.0, burst=3)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(100.4)
    assert bucket.take(100.5)
    assert not bucket.take(100.9)
    assert bucket.take(101.0)


def test_who_was_silent_for_long_has_one_burst_and_no_more() -> None:
    bucket = TokenBucket(rate=2.0, burst=3)
    assert bucket.take(0.0)
    assert [bucket.take(1e6) for _ in range(4)] == [True, True, True, False]


def test_the_clock_may_begin_anywhere() -> None:
    assert [TokenBucket(rate=1.0, burst=1).take(now_s) for now_s in (-5.0, 0.0, 1e9)] == [True] * 3


@given(st.lists(st.floats(0, 0.5), max_size=80), st.integers(1, 10))
def test_in_no_stretch_of_time_is_more_taken_than_rate_and_burst(pauses_s: list[float], burst: int) -> None:
    bucket, now_s, taken = TokenBucket(rate=5.0, burst=burst), 0.0, 0
    for pause_s in pauses_s:
        now_s += pause_s
        taken += bucket.take(now_s)
        assert taken <= burst + 5.0 * now_s + 1e-6
