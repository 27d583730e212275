"""How long a gateway lets things wait now: what its latency budget allows, stretched while it is saturated."""

from gateway import latency_budget


class Pace:
    """``budget_s``: what waits are derived from at the moment. ``busy``: part of the last moments without rest."""

    def __init__(self, budget_s: float) -> None:
        self._budget_s = self.budget_s = budget_s
        self._looked_s = self._rested_s = 0.0
        self.busy = 0.0
        self.stretch = 1.0

    def look(self, now_s: float, rested_s: float) -> None:
        """Look whether the gateway is saturated. ``rested_s``: how long its reactor has rested since it began."""
        passed_s = now_s - self._looked_s
        if self._looked_s and passed_s > 0:
            busy = min(1.0, max(0.0, 1 - (rested_s - self._rested_s) / passed_s))
            self.busy += latency_budget.NEWEST_SHARE * (busy - self.busy)
            self.stretch = latency_budget.stretched(self.stretch, self.busy)
            self.budget_s = self._budget_s * self.stretch
        self._looked_s, self._rested_s = now_s, rested_s
