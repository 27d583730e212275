"""What a worker's meters make of the times that ticks carry."""

import pytest

from tasks.beat import WAITS_S
from tasks.meters import _skew_s


@pytest.mark.parametrize(
    ("waited_s", "skew_s"), [(0.01, 0.0), (WAITS_S, 0.0), (WAITS_S + 35, -WAITS_S - 35), (-40.0, 40.0), (-0.3, 0.3)]
)
def test_a_tick_from_the_future_or_older_than_any_that_waited_tells_of_beats_clock(
    waited_s: float, skew_s: float
) -> None:
    assert _skew_s(waited_s) == pytest.approx(skew_s)
