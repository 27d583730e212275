"""Whether something grows: a judgement over a series of measurements, without looking at anything else.

What is noisy, falls back again and again, or comes to rest does not grow: its slope is the median of the slopes between
all pairs of points, its troughs have to rise as well, and it has to go on rising in the second half.
"""

from collections.abc import Sequence
from itertools import combinations
from statistics import median

import msgspec

WARM_UP = 0.25  # of a series: caches fill, pools open, what is remembered comes to its bound
SPAN_MIN = 0.3  # of the run: who lived for less tells nothing
POINTS_MIN = 8
STILL = 0.3  # of the whole slope, in the second half
HOUR_S = 3600.0
MB = 1_000_000

GROWS, FLAT, SHORT, BOUNDED, OVER = "grows", "flat", "too short to say", "within its bound", "above its bound"
LEFT = "is left when nobody plays"
BAD = frozenset({GROWS, OVER, LEFT})

Point = tuple[float, float]  # seconds since the beginning, value


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of thing that is measured: its unit, and what may come and go of it without being growth.

    ``drains``: when nobody plays any more it goes back to what it was. If it does, it was a backlog, and did not grow.
    """

    unit: str
    most: float
    share: float = 0.1  # of its median
    drains: bool = False


KINDS = {
    "memory": Kind(unit="MB", most=8.0),
    "broker's memory": Kind(unit="MB", most=40.0, share=0.3),  # Erlang's collectors and page cache
    "descriptors": Kind(unit="descriptors", most=6.0),
    "rows": Kind(unit="rows", most=30.0, share=0.15),
    "messages": Kind(unit="messages", most=20.0, drains=True),
    "broker's objects": Kind(unit="objects", most=10.0),
    "registry": Kind(unit="entries", most=60.0, share=0.25),
    "file": Kind(unit="MB", most=8.0, share=0.25),
}


class Series(msgspec.Struct, kw_only=True):
    """What was measured of one thing. ``bound``: more than this it must never be; what has one may grow up to it."""

    kind: str
    name: str
    points: list[Point] = []
    bound: float | None = None


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a thing: its levels, how much more of it there is each hour, and whether it grows."""

    kind: str
    name: str
    first: float
    last: float
    most: float
    per_hour: float
    verdict: str

    @property
    def is_bad(self) -> bool:
        """Whether it grows without end, or beyond its bound."""
        return self.verdict in BAD


def judge(series: Series, run_s: float) -> Judgement:
    """Judge a series of a run that lasted so long."""
    values = [value for _, value in series.points]
    warm = _warm(series.points)
    per_s = slope(warm)
    return Judgement(
        kind=series.kind,
        name=series.name,
        first=values[0],
        last=values[-1],
        most=max(values),
        per_hour=per_s * HOUR_S,
        verdict=_verdict(series, warm, per_s, run_s),
    )


def _verdict(series: Series, warm: Sequence[Point], per_s: float, run_s: float) -> str:
    if series.bound is not None:
        return BOUNDED if max(value for _, value in series.points) <= series.bound else OVER
    kind = KINDS[series.kind]
    if kind.drains:
        return LEFT if series.points[-1][1] > series.points[0][1] + kind.most else FLAT
    if len(warm) < POINTS_MIN or _span(warm) < SPAN_MIN * run_s:
        return SHORT
    allowed = max(kind.most, kind.share * median(value for _, value in warm))
    grew = per_s * _span(warm) > allowed
    return GROWS if grew and _troughs_rose(warm) > allowed / 2 and _goes_on(warm, per_s) else FLAT


def _warm(points: Sequence[Point]) -> Sequence[Point]:
    """What was measured after the warm-up."""
    begin_s = points[0][0] + WARM_UP * _span(points)
    return [point for point in points if point[0] >= begin_s]


def _span(points: Sequence[Point]) -> float:
    return points[-1][0] - points[0][0]


def _troughs_rose(points: Sequence[Point]) -> float:
    third = len(points) // 3
    return min(value for _, value in points[-third:]) - min(value for _, value in points[:third])


def _goes_on(points: Sequence[Point], per_s: float) -> bool:
    return slope(points[len(points) // 2 :]) > STILL * per_s


def slope(points: Sequence[Point]) -> float:
    """The median of the slopes between all pairs of points (Theil and Sen's), per second; 0 for fewer than two."""
    pairs = combinations(points, 2)
    slopes = [(late - early) / (late_s - early_s) for (early_s, early), (late_s, late) in pairs if late_s > early_s]
    return median(slopes) if slopes else 0.0
