"""A child's part in ``gameserver dev``: before it reads the next batch it takes what the files of the game say now.

The child stays, and its main process, whose connection to the broker brings the batches. What works on them is made
anew, of modules that are imported anew, and takes the place of the old one between two batches. No event is given back.
"""

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

from gameserver.runtime.gc_tuning import freeze_gc
from gameserver.runtime.imported_anew import imported_anew

log = logging.getLogger(__name__)

PROCESSOR = "tasks.processor"
BODIES = "tasks.overrides.body_decoder"
MADE_ANEW = (PROCESSOR, BODIES, "tasks.unread_messages", "tasks.publisher", "tasks.batches")


class Development:
    """Exchanges the processor of a child when a file was written. ``stamp``: that file, which may not be there."""

    def __init__(self, stamp: Path) -> None:
        self._stamp = stamp
        self._seen = self._written()

    def refreshed(self, processor: Any) -> Any:
        """Return the processor to go on with: a new one if it is time, else, or where that can't be made, this one."""
        written = self._written()
        if written == self._seen:
            return processor
        self._seen = written
        try:
            with imported_anew(MADE_ANEW):
                made = import_module(PROCESSOR).build(import_module("gameserver.config").load())
                import_module(BODIES)
        except Exception as fault:
            log.error("the old code goes on: %s", fault)
            return processor
        processor.close()
        freeze_gc()
        log.info("the game is read anew")
        return made

    def _written(self) -> int:
        try:
            return self._stamp.stat().st_mtime_ns
        except FileNotFoundError:
            return 0


def read_body(text: str | bytes) -> Any:
    """Read the body of a task by the modules that were imported last."""
    return import_module(BODIES).read_body(text)
