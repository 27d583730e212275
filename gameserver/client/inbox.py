"""Notices on their way to the user, and the acknowledgement of those that are durable.

The inbox is bounded: who does not read loses the oldest, and can see how many. A durable notice is told again until it
is acknowledged; doubles fall away by their id, and are acknowledged once more because the first may have been lost.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from gameserver.client.errors import ConnectionLost

Packet = dict[str, Any]

WANTED_ENDS = frozenset({"closed", "logged_out"})


class Inbox:
    """Holds ``notices_max`` notices, and remembers the last ``ids_kept`` ids."""

    def __init__(self, notices_max: int, ids_kept: int) -> None:
        self.dropped = 0
        self._notices: deque[Packet] = deque(maxlen=notices_max)
        self._ids_kept = ids_kept
        self._ids: dict[str, None] = {}
        self._changed = asyncio.Event()
        self._lost: ConnectionLost | None = None

    def is_double(self, id_: str) -> bool:
        """Whether a durable notice was there before; from now on it was."""
        if id_ in self._ids:
            return True
        self._ids[id_] = None
        if len(self._ids) > self._ids_kept:
            del self._ids[next(iter(self._ids))]
        return False

    def put(self, notice: Packet) -> None:
        """Add a notice; when the inbox is full the oldest gives way."""
        self.dropped += len(self._notices) == self._notices.maxlen
        self._notices.append(notice)
        self._changed.set()

    def end(self, lost: ConnectionLost) -> None:
        """No more will come."""
        self._lost = lost
        self._changed.set()

    async def read(self) -> AsyncIterator[Packet]:
        """Give notices as they come, until we close. Raises ``ConnectionLost`` when the connection ended otherwise."""
        while True:
            while self._notices:
                yield self._notices.popleft()
            if self._lost is not None:
                break
            self._changed.clear()
            await self._changed.wait()
        if self._lost.code not in WANTED_ENDS:
            raise ConnectionLost(self._lost.code, self._lost.message)


class Acks:
    """Gathers ids for a moment and acknowledges them together; one ``ack`` at a time is under way.

    ``send`` takes the ids and gives the future of the reply, or ``None`` when nothing can be sent yet.
    """

    def __init__(
        self, send: Callable[[list[str]], asyncio.Future[Packet] | None], delay_s: float, ids_max: int
    ) -> None:
        self._send = send
        self._delay_s = delay_s
        self._ids_max = ids_max
        self._ids: dict[str, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._under_way = False

    def add(self, id_: str) -> None:
        """Acknowledge this soon."""
        self._ids[id_] = None
        self._arm()

    def flush(self) -> None:
        """Acknowledge now what was gathered, unless an ``ack`` is under way."""
        self.stop()
        ids = list(self._ids)[: self._ids_max]
        if not ids or self._under_way:
            return
        reply = self._send(ids)
        if reply is None:
            self._arm()
            return
        for id_ in ids:
            del self._ids[id_]
        self._under_way = True
        reply.add_done_callback(self._answered)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is None and not self._under_way:
            self._timer = asyncio.get_running_loop().call_later(self._delay_s, self.flush)

    def _answered(self, reply: asyncio.Future[Packet]) -> None:
        self._under_way = False
        if reply.cancelled() or not isinstance(reply.exception(), ConnectionLost):
            # A refused ack needs no care: the server tells again what it holds unacknowledged.
            self._more()

    def _more(self) -> None:
        if self._ids:
            self._arm()
