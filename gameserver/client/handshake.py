"""A request whose answer opens the next phase of the client: ``hello``, then ``register``, ``login`` or ``resume``."""

import asyncio
from collections.abc import Callable

from gameserver.client.packet_types import Packet, Reply
from gameserver.errors import GameError

WELCOME = 0  # stands for the number of the request that ``welcome`` answers, which has none

Accept = Callable[[Packet], None]


class Handshake:
    """The request that is open, if there is one. ``seq``: the number of the latest request.

    The answer is accepted in the call that received it, because packets behind it in the same read belong to the next
    phase.
    """

    def __init__(self) -> None:
        self.seq = WELCOME
        self._reply: Reply | None = None
        self._accept: Accept

    @property
    def is_open(self) -> bool:
        """Whether somebody waits for an answer."""
        return self._reply is not None and not self._reply.done()

    def is_answered_by(self, re: int) -> bool:
        """Whether the answer to the request of this number is expected, though nobody may wait for it any more."""
        return self._reply is not None and self.seq == re

    def begin(self, seq: int, accept: Accept) -> Reply:
        """Expect the answer to a request. Gives its future; ``accept`` is called with the answer before that."""
        self.seq = seq
        self._accept = accept
        self._reply = asyncio.get_running_loop().create_future()
        return self._reply

    def succeed(self, data: Packet) -> None:
        """Accept the answer."""
        self._accept(data)
        reply = self._end()
        if reply is not None:
            reply.set_result(data)

    def fail(self, error: GameError) -> None:
        """Raise ``error`` to the caller that waits for the answer, if there is one."""
        reply = self._end()
        if reply is not None:
            reply.set_exception(error)
            reply.exception()  # a caller that waits no longer need not be told

    def _end(self) -> Reply | None:
        reply, self._reply = self._reply, None
        return reply if reply is not None and not reply.done() else None
