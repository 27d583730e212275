"""Loaded first by Python in a process with a wrong clock: sleep by a call that libfaketime passes on unharmed.

Python sleeps until a time of the monotonic clock, which libfaketime 0.9.10 refuses.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
