"""The acknowledgement of durable notices. What is not acknowledged is told again when the session is resumed."""

import asyncio
from collections.abc import Callable

from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.packet_types import Packet, Reply


class Acknowledger:
    """Gathers ids for a moment and acknowledges them together; one ``ack`` at a time is under way.

    ``send`` takes the ids and gives the future of the reply, or ``None`` when nothing can be sent yet.
    """

    def __init__(self, send: Callable[[list[str]], Reply | None], delay_s: float, ids_max: int) -> None:
        self._send = send
        self._delay_s = delay_s
        self._ids_max = ids_max
        self._ids: dict[str, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._under_way = False

    def add(self, id_: str) -> None:
        """Acknowledge this soon."""
        self._ids[id_] = None
        self._start_timer()

    def flush(self) -> None:
        """Acknowledge now what was gathered, unless an ``ack`` is under way."""
        self.stop()
        ids = list(self._ids)[: self._ids_max]
        if ids and not self._under_way:
            self._acknowledge(ids)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _acknowledge(self, ids: list[str]) -> None:
        reply = self._send(ids)
        if reply is None:
            self._start_timer()
            return
        for id_ in ids:
            del self._ids[id_]
        self._under_way = True
        reply.add_done_callback(lambda done: self._complete(done, ids))

    def _start_timer(self) -> None:
        if self._timer is None and not self._under_way:
            self._timer = asyncio.get_running_loop().call_later(self._delay_s, self.flush)

    def _complete(self, reply: asyncio.Future[Packet], ids: list[str]) -> None:
        """Go on; what was refused is tried again: the server does not tell it twice on a connection."""
        self._under_way = False
        fault = None if reply.cancelled() else reply.exception()
        if isinstance(fault, Refused):
            self._ids = dict.fromkeys([*ids, *self._ids])
        if self._ids and not isinstance(fault, ConnectionLost):
            self._start_timer()
