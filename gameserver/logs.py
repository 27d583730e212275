"""Logging, the same in every process: one line per record, on standard error."""

import logging


def set_up_logging(level: str) -> None:
    """Log at this level (``debug``, ``info``, ``warning``, ``error``) and above."""
    logging.basicConfig(
        level=level.upper(),
        format="%(asctime)s %(levelname).1s %(processName)s %(name)s: %(message)s",
        force=True,
    )
    for loud in ("pika", "alembic", "amqp"):
        logging.getLogger(loud).setLevel(logging.WARNING)
