"""The process servers: Celery workers that take batches of events from their queues and apply them.

``celery -A tasks worker -Q movement`` finds ``app`` here. Tasks are made from the catalogue, one per event type.
"""

from tasks.application import app

__all__ = ["app"]
