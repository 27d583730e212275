"""A token bucket: so many packets a second in the long run, so many at once. Time is an argument."""


class TokenBucket:
    """``rate`` tokens per second, ``burst`` at most. ``now_s``: any monotonic clock, in seconds."""

    __slots__ = ("_burst", "_filled_s", "_rate", "_tokens")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Take one token if there is one."""
        if self._filled_s is not None:
            self._tokens = min(self._burst, self._tokens + (now_s - self._filled_s) * self._rate)
        self._filled_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
