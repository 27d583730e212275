"""Logging, the same in every process: one line per record, on standard error."""

import logging

# Libraries that say at "info" what nobody wants to read a thousand times a second (every task received and done: Flower
# shows those).
LOUD = ("pika", "alembic", "amqp", "celery.worker.strategy", "celery.app.trace", "celery.beat", "twisted")


def set_up_logging(level: str) -> None:
    """Log at this level (``debug``, ``info``, ``warning``, ``error``) and above."""
    logging.basicConfig(
        level=level.upper(),
        format="%(asctime)s %(levelname).1s %(processName)s %(name)s: %(message)s",
        force=True,
    )
    for loud in LOUD:
        logging.getLogger(loud).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
