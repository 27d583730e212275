"""The events that were sent and not answered: their numbers, their futures, and how many there may be.

An event keeps its number until it is answered, however many connections it takes. That is what lets the server
recognise an event that it has applied already.
"""

import asyncio
from typing import NamedTuple

from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.packet_types import Packet, Reply


class PendingRequest(NamedTuple):
    """An event without an answer. ``counted``: it takes a place in the window."""

    packet: Packet
    reply: Reply
    counted: bool


class PendingRequests:
    """Numbers events and matches replies to them. ``window``: how many counted events may be unanswered at a time."""

    def __init__(self, window: int = 1) -> None:
        self._seq = 0
        self._pending: dict[int, PendingRequest] = {}  # in the order of their numbers
        self._room = asyncio.Semaphore(window)
        self._lost: ConnectionLost | None = None

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def highest(self) -> int:
        """The highest number used so far."""
        return self._seq

    def set_window(self, window: int) -> None:
        """Set the size of the window. Only before the first event."""
        self._room = asyncio.Semaphore(window)

    def skip_to(self, seq: int) -> None:
        """Number the events that follow above ``seq``."""
        self._seq = max(self._seq, seq)

    async def wait_for_room(self) -> None:
        """Take a place in the window, waiting for it first come first served. Raises ``ConnectionLost``."""
        await self._room.acquire()
        if self._lost is not None:
            self._room.release()  # wakes the next caller that waits, to learn the same
            raise self._lost.again()

    def add(self, packet: Packet, *, counted: bool = True) -> PendingRequest:
        """Give an event the next number. ``counted``: it keeps the place in the window that the caller took."""
        self._seq += 1
        reply: Reply = asyncio.get_running_loop().create_future()
        request = self._pending[self._seq] = PendingRequest({**packet, "seq": self._seq}, reply, counted)
        return request

    def succeed(self, re: int, data: Packet) -> PendingRequest | None:
        """Complete the event of this number. Gives it, or ``None`` when no such event is pending."""
        request = self._take(re)
        if request is not None and not request.reply.done():
            request.reply.set_result(data)
        return request

    def refuse(self, re: int, refusal: Refused) -> PendingRequest | None:
        """Fail the event of this number. Gives it, or ``None`` when no such event is pending."""
        request = self._take(re)
        if request is not None and not request.reply.done():
            request.reply.set_exception(refusal)
        return request

    def packets(self) -> list[Packet]:
        """List the packets to send again, in their order."""
        return [request.packet for request in self._pending.values()]

    def fail(self, lost: ConnectionLost) -> None:
        """Raise ``lost`` to all callers that wait for a reply or for room."""
        self._lost = lost
        pending, self._pending = self._pending, {}
        for request in pending.values():
            if not request.reply.done():
                request.reply.set_exception(lost.again())
                request.reply.exception()  # a caller that ignores the reply hears of the loss from the next call
        self._room.release()

    def _take(self, re: int) -> PendingRequest | None:
        request = self._pending.pop(re, None)
        if request is not None and request.counted:
            self._room.release()
        return request
