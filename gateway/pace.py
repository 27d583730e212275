"""How long a gateway lets things wait now: what its latency budget allows, stretched while it is saturated."""

from gameserver import latency


class Pace:
    """``gather_s`` and ``hold_s`` are derived in ``gameserver.latency``. ``busy``: part of the time without rest."""

    def __init__(self, budget_s: float) -> None:
        self._budget_s = budget_s
        self._looked_s = self._rested_s = 0.0
        self.busy = 0.0
        self._stretch(1.0)

    def _stretch(self, stretch: float) -> None:
        self.stretch = stretch
        self.gather_s = latency.gather_s(self._budget_s, stretch)
        self.hold_s = latency.hold_s(self._budget_s, stretch)

    def look(self, now_s: float, rested_s: float) -> None:
        """Look whether the gateway is saturated. ``rested_s``: how long its reactor has rested since it began."""
        passed_s = now_s - self._looked_s
        if self._looked_s and passed_s > 0:
            self.busy = min(1.0, max(0.0, 1 - (rested_s - self._rested_s) / passed_s))
            self._stretch(latency.stretched(self.stretch, self.busy))
        self._looked_s, self._rested_s = now_s, rested_s
