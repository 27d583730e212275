"""What beat sends: an event with a number taken from the time, so that the ticks of two beats are the same ticks."""

import time
from typing import Any

TICK_S = 0.5
SWEEP_S = 1.0

_PERIODS_S = {"tick": TICK_S, "sweep": SWEEP_S}


def pulse(event: str) -> list[dict[str, Any]]:
    """A batch of one tick or sweep, as a task takes it."""
    now_s = time.time()
    n = int(now_s / _PERIODS_S[event])
    return [{"id": f"{event}:{n}", "event": {"type": event, "n": n}, "at_ms": int(now_s * 1000)}]
