"""The game's own worker and gateway; ``SOAK_LEAK`` has one of them keep everything that it gets.

Nobody believes a measurement that has never found anything. ``SOAK_REMEMBERED``: so much is remembered of what was told
and of times, so that a short run sees it come to its bound. Worker: ``celery -A tests.soak.program worker``; gateway:
``python -m tests.soak.program``.
"""

import os
import sys
from typing import Any

LEAK_BYTES = 8_000  # for each message
_kept: list[bytearray] = []


def leak(who: str, where: type, method: str) -> None:
    """Let a method keep something each time, where that is wanted of this process."""
    if os.environ.get("SOAK_LEAK") != who:
        return
    real = getattr(where, method)

    def leaky(*given: Any, **named: Any) -> Any:
        _kept.append(bytearray(os.urandom(LEAK_BYTES)))
        return real(*given, **named)

    setattr(where, method, leaky)


if __name__ == "__main__":
    from gateway.__main__ import main  # first: it chooses the reactor
    from gateway.egress import dispatcher
    from gateway.metrics import meters

    leak("gateway", dispatcher.Dispatcher, "dispatch")
    if remembered := int(os.environ.get("SOAK_REMEMBERED", "0")):
        meters.REMEMBERED_MAX = dispatcher.TOLD_KEPT = remembered
    sys.exit(main())
else:
    from tasks import app  # noqa: F401 - where Celery looks for it
    from tasks.processor import BatchProcessor

    leak("worker", BatchProcessor, "handle")
