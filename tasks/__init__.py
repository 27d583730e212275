"""The process servers: Celery workers that take batches of events from their queues and apply them.

``celery -A tasks worker -Q movement`` finds ``app`` here. Tasks are made from the catalogue, one per event type.
"""

from gameserver.runtime.startup_errors import exit_with_message

with exit_with_message():
    from gameserver.rules.book import rules
    from tasks import inspection  # noqa: F401 - workers answer its questions
    from tasks.celery_app import app
    from tasks.overrides import commands  # noqa: F401 - workers obey these instead of Celery's own

    rules()  # all of them are looked for before a worker takes its first event

__all__ = ["app"]
