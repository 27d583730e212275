"""The game's own worker, whose events wait as long as a file is there: a test finds them under way.

For a worker that imports it (``celery worker -I tests.held``). ``HELD_BY``: the file's path.
"""

import logging
import os
import time
from pathlib import Path
from typing import Any

from tasks.processor import BatchProcessor

FILE = os.environ.get("HELD_BY", "")
LOOK_EVERY_S = 0.05
_work = BatchProcessor._work
log = logging.getLogger(__name__)


def _held(self: BatchProcessor, found: Any, *how: Any, **more: Any) -> None:
    log.warning("held %s", found.batch[0].id)
    while Path(FILE).exists():
        time.sleep(LOOK_EVERY_S)
    _work(self, found, *how, **more)


if FILE:
    BatchProcessor._work = _held  # type: ignore[method-assign]
