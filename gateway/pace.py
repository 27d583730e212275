"""How long a gateway lets things wait now: what its latency budget allows, stretched while it is saturated."""

from gameserver import latency

EVENTS_REMEMBERED = 1_000  # how many events' ages the mean is of, roughly


class Pace:
    """``gather_s`` and ``hold_s`` are derived in ``gameserver.latency``. ``busy``: part of the time without rest."""

    def __init__(self, budget_s: float) -> None:
        self._budget_s = budget_s
        self._looked_s = self._rested_s = 0.0
        self.busy = 0.0
        self._age_s = 0.0  # of events when their results arrived, the mean of late
        self._share = latency.GATHER_SHARE
        self._set(1.0)

    def _set(self, stretch: float) -> None:
        self.stretch = stretch
        self.gather_s = latency.gather_s(self._budget_s, stretch, self._share)
        self.hold_s = latency.hold_s(self._budget_s, stretch)

    def learn_age(self, age_s: float, events: int) -> None:
        """Learn how old so many events were, on average, when their result arrived."""
        self._age_s += (age_s - self._age_s) * min(1.0, events / EVENTS_REMEMBERED)

    def look(self, now_s: float, rested_s: float) -> None:
        """Look whether the gateway is saturated. ``rested_s``: how long its reactor has rested since it began."""
        passed_s = now_s - self._looked_s
        if self._looked_s and passed_s > 0:
            self.busy = min(1.0, max(0.0, 1 - (rested_s - self._rested_s) / passed_s))
            stretch = latency.stretched(self.stretch, self.busy)
            if stretch == 1.0:  # a saturated gateway is not helped by more batches
                self._share = latency.gather_share(self._share, self._age_s / self._budget_s)
            self._set(stretch)
        self._looked_s, self._rested_s = now_s, rested_s
