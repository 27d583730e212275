"""Derive every wait in a gateway from one number: the latency budget, how old what anybody sees may be at p99.

An event waits once on its way to those who see it: in the gateway, for the events of its place, from the first of them
on. Behind the queue nothing waits: what a batch has to say is written when it arrives, one write for each client, its
reply and all that it sees together. So an event's age when it is seen is

    gathering (GATHER_SHARE of the budget at most) + the batch's way through queue, process and gateway.

The rest of the budget is for that way: some milliseconds of a process, and as many of writing to those who watch. With
0.55, gathering leaves 45 of 100 ms for it. An event of a place that is busy waits from nothing to the whole of it, the
median for half to three quarters.

Where the way takes longer, as it does under load, gathering gives way: how old events are when their results arrive is
measured, and their mean is kept between ``AGE_LOW`` and ``AGE_HIGH`` of the budget, by a share that falls to
``GATHER_SHARE_MIN`` and rises again step by step. So own replies stay near half of the budget at the median, and the
slowest, which are about twice as old, within it.

To gather for longer is cheaper, twice: a batch costs some milliseconds of processor time in all tiers, whatever it
carries, and a client who sees its place's events in one write instead of three costs a third. That is why an event
waits for as long as it may, not for as short as it could. Where no company comes it leaves at once: lingering begins
where ``COMPANY_MIN`` events are expected while one gathers, and is complete with ``COMPANY_FULL``.

A batch that carries all that came in half of the budget would be written for half of the budget, too. So a batch takes
those places whose time has come, and others before their time until it has ``BATCH_EVENTS``: with few events that is
everything, with many a part, and the parts follow each other evenly.

What comes from elsewhere (another gateway's batch, another type's, a tick) does not know of this one's. Who was written
to within ``HOLD_SHARE`` of the budget is told when that has passed, so that such things go together.

Nothing here depends on how many clients there are. Only a saturated processor stretches it: while a gateway had hardly
a moment of rest in the last quarter of a second, all waits grow step by step, up to ``STRETCH_MAX`` times, and shrink
when it rests again. Where a process is saturated its batches come back late, and what is in flight holds back the next.
"""

from math import exp

GATHER_SHARE = 0.55
GATHER_SHARE_MIN = 0.2
GATHER_STEP = 0.93
AGE_LOW, AGE_HIGH = 0.36, 0.41
HOLD_SHARE = 0.15

COMPANY_MIN = 8.0
COMPANY_FULL = 24.0
BATCH_EVENTS = 100
RATE_OVER_S = 0.5  # what came longer ago hardly counts for how many are expected

BUSY = 0.95  # of the time that passed: saturated
FREE = 0.85
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


def gather_s(budget_s: float, stretch: float = 1.0, share: float = GATHER_SHARE) -> float:
    """Return the longest wait for the events of a place."""
    return budget_s * share * stretch


def gather_share(share: float, age: float) -> float:
    """Return the share of the budget for gathering next. ``age``: of events with their results, in budgets."""
    if age > AGE_HIGH:
        return max(GATHER_SHARE_MIN, share * GATHER_STEP)
    return min(GATHER_SHARE, share / GATHER_STEP) if age < AGE_LOW else share


def hold_s(budget_s: float, stretch: float = 1.0) -> float:
    """Return the time between two writes to a client of what others do."""
    return budget_s * HOLD_SHARE * stretch


def linger_s(events_per_s: float, gather_s: float) -> float:
    """Return how long an event waits where so many come: not at all without company, ``gather_s`` with enough."""
    company = events_per_s * gather_s
    return gather_s * min(1.0, max(0.0, (company - COMPANY_MIN) / (COMPANY_FULL - COMPANY_MIN)))


def stretched(stretch: float, busy: float) -> float:
    """Return by how much waits are stretched next. ``busy``: the part of the last moments without rest, 0 to 1."""
    if busy >= BUSY:
        return min(STRETCH_MAX, stretch * STRETCH_STEP)
    return max(1.0, stretch / STRETCH_STEP) if busy < FREE else stretch
