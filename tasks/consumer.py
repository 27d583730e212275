"""The worker's consumer, which comes back to a broker sooner than Celery's.

Celery waits 2, 4, 6, ... up to 30 seconds between its tries; no setting changes that. A game can't wait so long.
"""

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

TRIES = {"interval_start": 0.2, "interval_step": 0.3, "interval_max": 2.0}  # seconds


class PromptConsumer(Consumer):
    """Celery's consumer, with shorter pauses between its tries to connect."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, however long it takes."""
        conn.ensure_connection = partial(conn.ensure_connection, **TRIES)
        return super().ensure_connected(conn)
