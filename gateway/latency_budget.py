"""Derive every wait in a gateway from one number: the latency budget, how old what anybody sees may be at p99.

An event waits twice at most. Before the queue it gathers with others into a batch, because a batch costs some
milliseconds of processor time in all tiers, whatever it carries. When its result is there, its sender is told at once,
and what others see of it may wait for the next batches' results, because every write to a client costs as much as
several rows in the database.

    gathering (GATHER_SHARE of the budget, down to GATHER_SHARE_MIN) + the way through queue and process
        -> own reply
    until TOLD_SHARE of the budget has passed since the gathering began at the earliest -> seen by others

The rest of the budget is for writing to those who watch. Because a sight's time is counted from its event's gathering
on, a slow way through queue and process makes no sight late: it waits the less behind it.

**Gathering.** Where no company comes an event leaves at once: lingering begins where ``COMPANY_MIN`` events are
expected in ``GATHER_SHARE`` of the budget, and is complete with ``COMPANY_FULL``. Where more come than ``BATCH_EVENTS``
in that time, a batch is worth its task sooner, and gathering ends with so many, but not before ``GATHER_SHARE_MIN``. So
the median of own replies stays below half of the budget: half of the gathering, and the way.

**Seeing.** What a sight waits for is the next batch's result, so it waits no longer than ``HOLD_GATHERINGS`` times its
batch has gathered: on a quiet server not at all. What would be due before the next result is told with this one's
replies, in one write: so it is where a few hundred events come in a second, which gather for so long that it is time
when they are back. Where thousands come, they gather for a quarter of the budget, and the sights of two batches go
together.

Nothing here depends on how many clients there are. Only a saturated processor stretches it: while a gateway had hardly
a moment of rest in the last second, all waits grow step by step, up to ``STRETCH_MAX`` times, and shrink
when it rests again. Where a process is saturated its batches come back late, and what is in flight holds back the next.
"""

from math import exp

GATHER_SHARE = 0.55
GATHER_SHARE_MIN = 0.28
TOLD_SHARE = 0.7
HOLD_GATHERINGS = 2.0
NEXT_GATHERINGS = 0.75  # how soon the next batch's result may be there after this one's
ELSEWHERE_SHARE = 0.1  # of a batch of another gateway's: its way to the process and from there
ROUND_SHARE = 0.05  # what is due so soon is told with what is due now

COMPANY_MIN = 8.0
COMPANY_FULL = 24.0
BATCH_EVENTS = 100
RATE_OVER_S = 0.5  # what came longer ago hardly counts for how many are expected

BUSY = 0.99  # of the last moments: saturated
FREE = 0.85
NEWEST_SHARE = 0.5  # of the newest look in what counts as the last moments: one look without rest says nothing
STRETCH_STEP = 1.25
STRETCH_MAX = 4.0


class ArrivalRate:
    """How many events come in a second, of late."""

    def __init__(self, now_s: float) -> None:
        self.per_s = 0.0
        self._counted_s = now_s

    def count(self, events: int, now_s: float) -> None:
        """Count events that came since the last call."""
        faded = exp((self._counted_s - now_s) / RATE_OVER_S)
        self.per_s = self.per_s * faded + events / RATE_OVER_S
        self._counted_s = now_s


def linger_s(events_per_s: float, budget_s: float) -> float:
    """Return how long an event waits for company where so many come: not at all where few do."""
    most_s = GATHER_SHARE * budget_s
    company = events_per_s * most_s
    if company < COMPANY_FULL:
        return most_s * max(0.0, (company - COMPANY_MIN) / (COMPANY_FULL - COMPANY_MIN))
    return min(most_s, max(GATHER_SHARE_MIN * budget_s, BATCH_EVENTS / events_per_s))


def hold_s(linger_s: float, budget_s: float) -> float:
    """Return how long after its publishing a batch's sights are told at the latest. ``linger_s``: of its events."""
    return max(0.0, min(TOLD_SHARE * budget_s - linger_s, HOLD_GATHERINGS * linger_s))


def next_s(linger_s: float) -> float:
    """Return how long what waits for the next batch's result has to wait at least, once a result is there."""
    return NEXT_GATHERINGS * linger_s


def elsewhere_s(took_s: float, budget_s: float) -> float:
    """Return how long ago another gateway published a batch, about, that a process has worked on for so long."""
    return took_s + ELSEWHERE_SHARE * budget_s


def round_s(budget_s: float) -> float:
    """Return how soon what is due then is told with what is due now."""
    return ROUND_SHARE * budget_s


def stretched(stretch: float, busy: float) -> float:
    """Return by how much waits are stretched next. ``busy``: the part of the last moments without rest, 0 to 1."""
    if busy >= BUSY:
        return min(STRETCH_MAX, stretch * STRETCH_STEP)
    return max(1.0, stretch / STRETCH_STEP) if busy < FREE else stretch
