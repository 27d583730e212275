"""The events that were sent and not answered: their numbers, their futures, and how many there may be.

An event keeps its number until it is answered, however many connections it takes. That is what lets the server
recognise one that it has applied already.
"""

import asyncio
from typing import Any, NamedTuple

from gameserver.client.errors import ConnectionLost

Packet = dict[str, Any]
Reply = asyncio.Future[Packet]


class Waiting(NamedTuple):
    """An event without an answer. ``counted``: it takes a place in the window."""

    packet: Packet
    reply: Reply
    counted: bool


class Ledger:
    """``window``: how many counted events may be unanswered at a time."""

    def __init__(self, window: int) -> None:
        self._seq = 0
        self._waiting: dict[int, Waiting] = {}  # in the order of their numbers
        self._room = asyncio.Semaphore(window)
        self._lost: ConnectionLost | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def highest(self) -> int:
        """The highest number used so far."""
        return self._seq

    def skip_to(self, seq: int) -> None:
        """Number what comes above ``seq``."""
        self._seq = max(self._seq, seq)

    async def room(self) -> None:
        """Wait, first come first served, for a place in the window. Raises ``ConnectionLost``."""
        await self._room.acquire()
        if self._lost is not None:
            self._room.release()  # wakes the next who waits, to learn the same
            raise ConnectionLost(self._lost.code, self._lost.message)

    def add(self, packet: Packet, *, counted: bool = True) -> Waiting:
        """Give an event the next number. ``counted``: the place that ``room`` gave is taken until the answer."""
        self._seq += 1
        reply: Reply = asyncio.get_running_loop().create_future()
        waiting = self._waiting[self._seq] = Waiting({**packet, "seq": self._seq}, reply, counted)
        return waiting

    def answered(self, re: int) -> Waiting | None:
        """Take out the event that was answered; ``None`` if there is none of that number."""
        waiting = self._waiting.pop(re, None)
        if waiting is not None and waiting.counted:
            self._room.release()
        return waiting

    def unanswered(self) -> list[Packet]:
        """The packets to send again, in their order."""
        return [waiting.packet for waiting in self._waiting.values()]

    def fail(self, lost: ConnectionLost) -> None:
        """Tell all who wait that no answer will come."""
        self._lost = lost
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            if not one.reply.done():
                one.reply.set_exception(ConnectionLost(lost.code, lost.message))
                one.reply.exception()  # who does not look at the reply hears of the loss from the next call
        self._room.release()
