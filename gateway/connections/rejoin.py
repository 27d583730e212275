"""Hold a connection's lanes until its player is in the world again: the gateway asks for it, and repeats itself."""


class Rejoin:
    """Whether a connection's lanes wait for its player to be in the world again."""

    __slots__ = ("_emitted_s", "since_s")

    def __init__(self) -> None:
        self.since_s = 0.0  # since when they wait; 0: they don't
        self._emitted_s = 0.0  # when the gateway asked for that; 0: it was answered, or there was no need

    @property
    def is_awaited(self) -> bool:
        """Whether the lanes wait."""
        return self.since_s > 0

    def begin(self, now_s: float, repeat_after_s: float) -> bool:
        """Hold the lanes until the player is in the world again. Returns whether to ask for that, perhaps once more."""
        self.since_s = self.since_s or now_s
        asks = not self._emitted_s or now_s - self._emitted_s > repeat_after_s
        if asks:
            self._emitted_s = now_s
        return asks

    def stop_waiting(self) -> None:
        """Hold the lanes no longer, though nobody has said that the player is in the world."""
        self.since_s = 0.0

    def end(self) -> None:
        """Hold the lanes no longer: the player is in the world again, or the broker is away and all begins anew."""
        self.since_s = self._emitted_s = 0.0
