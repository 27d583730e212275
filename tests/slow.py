"""The game's own worker, whose events each take a while without using a processor, as with a slow database.

For a supervisord that imports it before its workers are forked. ``SLOW_EVENT_S``: how long each event takes.
"""

import os
import time
from typing import Any

from tasks.processor import BatchProcessor

EVENT_S = float(os.environ.get("SLOW_EVENT_S", "0"))
_handle = BatchProcessor._handle_carefully


def _slowly(self: BatchProcessor, batch: Any, *run: Any, **how: Any) -> None:
    time.sleep(EVENT_S * len(batch))
    _handle(self, batch, *run, **how)


BatchProcessor._handle_carefully = _slowly  # type: ignore[method-assign]
