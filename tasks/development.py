"""A worker's part in ``gameserver dev``: between two events it takes what the files of the game's rules say now."""

import logging
from pathlib import Path

from gameserver.errors import Corrupt
from gameserver.processing.reloading import reload_rules

log = logging.getLogger(__name__)


class Reloader:
    """Reloads the rules when a file was written since they were read. ``stamp``: that file, which may not be there."""

    def __init__(self, stamp: Path) -> None:
        self._stamp = stamp
        self._seen = self._written()

    def refresh(self) -> None:
        """Reload the rules if it is time; the old ones go on where the new ones cannot be read."""
        written = self._written()
        if written == self._seen:
            return
        self._seen = written
        try:
            reload_rules()
        except Corrupt as fault:
            log.error("the old rules go on: %s", fault.message)
        else:
            log.info("the rules are read anew")

    def _written(self) -> int:
        try:
            return self._stamp.stat().st_mtime_ns
        except FileNotFoundError:
            return 0
