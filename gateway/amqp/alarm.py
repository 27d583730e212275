"""Know whether the broker's alarm is on: it is short of memory or disk, and accepts no publishes from anyone."""

import logging
from typing import Any

log = logging.getLogger(__name__)


class BrokerAlarm:
    """Whether the broker takes no events (``is_on``)."""

    def __init__(self) -> None:
        self.is_on = False

    def watch(self, connection: Any) -> None:
        """Follow what a new connection is told of it; off until something is told."""
        self.is_on = False
        connection._impl.add_on_connection_blocked_callback(lambda *_: self._turn(is_on=True))
        connection._impl.add_on_connection_unblocked_callback(lambda *_: self._turn(is_on=False))

    def _turn(self, *, is_on: bool) -> None:
        self.is_on = is_on
        if is_on:
            log.error("the broker takes no events: it is short of memory or disk (its alarm is on); all are told busy")
        else:
            log.warning("the broker takes events again")
