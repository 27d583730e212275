"""Logging, the same in every process: one line per record, on standard error or in a file that was asked for.

For a person at a terminal a line of text, otherwise JSON, for whatever gathers logs. A record that is about an event
carries the event's id in a field of its own: ``extra=about(id)``.
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from logging.handlers import WatchedFileHandler
from typing import Any

from gameserver.config import LogForm

# Libraries that say at "info" what nobody wants to read a thousand times a second (every task received and done: Flower
# shows those).
LOUD = ("pika", "alembic", "amqp", "celery.worker.strategy", "celery.app.trace", "celery.beat", "twisted")

SELDOM_S = 60.0


def set_up_logging(level: str, form: LogForm = "auto", file: str = "") -> None:
    """Log at this level (``debug``, ``info``, ``warning``, ``error``) and above; to ``file``, which may be rotated."""
    handler = WatchedFileHandler(file) if file else logging.StreamHandler()
    on_terminal = not file and sys.stderr.isatty()
    handler.setFormatter(_text() if form == "text" or (form == "auto" and on_terminal) else Json())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for loud in LOUD:
        logging.getLogger(loud).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)


def about(*event_ids: str) -> dict[str, Any]:
    """What makes a record one about these events."""
    return {"event_ids": event_ids}


class Seldom:
    """Logs a warning once a minute at most, and how often it was left out meanwhile."""

    def __init__(self, log: logging.Logger, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock_s = clock_s
        self._next_s = 0.0
        self._left_out = 0

    def warning(self, text: str, *args: Any, **more: Any) -> None:
        """Log it, or count it."""
        if self._clock_s() < self._next_s:
            self._left_out += 1
            return
        also = f" (and {self._left_out} times since the last such line)" if self._left_out else ""
        self._next_s, self._left_out = self._clock_s() + SELDOM_S, 0
        self._log.warning(text + also, *args, **more)


def _text() -> logging.Formatter:
    return logging.Formatter("%(asctime)s %(levelname).1s %(processName)s %(name)s: %(message)s")


class Json(logging.Formatter):
    """One JSON object per line: ``time`` (UTC), ``level``, ``process``, ``pid``, ``logger``, ``message``; where there
    are any, ``events`` (ids) and ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        seconds, fraction = time.gmtime(record.created), int(record.created % 1 * 1000)
        line: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', seconds)}.{fraction:03d}Z",
            "level": record.levelname.lower(),
            "process": record.processName,
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if events := getattr(record, "event_ids", ()):
            line["events"] = list(events)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
