"""The worker's event dispatcher, which gives up an event rather than the worker.

Celery's heartbeat event is published with endless retries. On a worker that was frozen and woke with a dead channel
those spin in kombu for ever: the process looks alive, burns its processor and takes no task again (seen once, in the
first five freezes, with celery and kombu 5.7). An event that can't be sent is not worth that: the error ends the
connection's loop, and the consumer connects anew.
"""

from contextlib import suppress
from typing import Any

from celery.events.dispatcher import EventDispatcher

from tasks.meters import meters

EVENTS_MAX = 200  # so many wait at most


class PlainDispatcher(EventDispatcher):
    """Publishes events once, and those of tasks many at a time: what keeps them for a moment is the consumer."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "buffer_limit": EVENTS_MAX})

    def close(self) -> None:
        """Send what waits, if it can be sent, and close."""
        with suppress(Exception):
            self.flush()
        super().close()

    def send(self, type: str, *args: Any, retry: bool = False, **fields: Any) -> Any:  # noqa: A002 - Celery's name
        """Send an event, without retries whatever was asked for."""
        if type == "worker-heartbeat":
            meters.turned()
        return super().send(type, *args, retry=False, **fields)
