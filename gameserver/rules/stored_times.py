"""Times that rules have written into rows and meet again: some were written under another clock than today's."""

from gameserver.server_time import CLOCK_TOLERANCE_MS


def awaited(due_ms: int, now_ms: int, most_ms: int) -> bool:
    """Whether a time is still to come.

    ``most_ms``: how far ahead it is ever set. What lies farther was set by a clock that was ahead (or is set back by
    now), and nobody waits for it.
    """
    return now_ms < due_ms <= now_ms + most_ms + CLOCK_TOLERANCE_MS


def heard_lately(seen_ms: int, now_ms: int, within_ms: int) -> bool:
    """Whether something was heard within so long; what was heard in the future was not."""
    return now_ms - within_ms <= seen_ms <= now_ms + CLOCK_TOLERANCE_MS
