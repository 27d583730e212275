"""What workers, beat and Flower would each import and work out at their start: for a parent of which they are forks.

Nothing here may leave a thread or an open file behind: no fork would have the first, and all would share the second.
"""

from importlib import import_module

from tasks.celery_app import app, prepare

IMPORTED_LATE = (
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.worker.consumer",
    "flower.app",
    "flower.command",
    "kombu.transport.pyamqp",
)

for name in IMPORTED_LATE:
    import_module(name)
prepare()
app.finalize()
