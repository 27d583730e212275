"""The worker's event dispatcher, which gives up an event rather than the worker.

Celery's heartbeat event is published with endless retries. On a worker that was frozen and woke with a dead channel
those spin in kombu for ever: the process looks alive, burns its processor and takes no task again (seen once, in the
first five freezes, with celery and kombu 5.7). An event that can't be sent is not worth that: the error ends the
connection's loop, and the consumer connects anew.
"""

from typing import Any

from celery.events.dispatcher import EventDispatcher


class PlainDispatcher(EventDispatcher):
    """Publishes events once."""

    def send(self, type: str, *args: Any, retry: bool = False, **fields: Any) -> Any:  # noqa: A002 - Celery's name
        """Send an event, without retries whatever was asked for."""
        return super().send(type, *args, retry=False, **fields)
