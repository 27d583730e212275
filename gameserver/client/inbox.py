"""Notices on their way to the program that uses the client.

The inbox is bounded: a program that does not read loses the oldest notices, and can see how many. Durable notices may
arrive more than once; each is delivered once, and acknowledged every time because an acknowledgement may be lost.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable

from gameserver.client.errors import ConnectionLost
from gameserver.client.limits import ClientLimits
from gameserver.client.packet_types import Packet

EXPECTED_ENDS = frozenset({"closed", "logged_out"})


class Inbox:
    """Delivers each notice once: to ``on_notice`` when there is one, otherwise to ``read``.

    ``acknowledge`` is called with the id of every durable notice.
    """

    def __init__(
        self,
        limits: ClientLimits,
        acknowledge: Callable[[str], None],
        on_notice: Callable[[Packet], None] | None = None,
    ) -> None:
        self.dropped = 0
        self._acknowledge = acknowledge
        self._on_notice = on_notice
        self._notices: deque[Packet] = deque(maxlen=limits.notices_max)
        self._ids_kept = limits.ids_kept
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._changed = asyncio.Event()
        self._lost: ConnectionLost | None = None

    def admit(self, notice: Packet) -> bool:
        """Acknowledge a durable notice. Gives whether the notice has not been delivered yet."""
        id_ = notice.get("id", "")
        if not id_:
            return True
        self._acknowledge(id_)
        return self._remember(id_)

    def deliver(self, notice: Packet) -> None:
        """Pass a notice on to the program."""
        if self._on_notice is None:
            self._put(notice)
        else:
            self._call(self._on_notice, notice)

    def end(self, lost: ConnectionLost) -> None:
        """Let readers finish: no more notices will come."""
        self._lost = lost
        self._changed.set()

    async def read(self) -> AsyncIterator[Packet]:
        """Give notices as they come, until the client is closed. Raises ``ConnectionLost`` when it ended otherwise."""
        while True:
            while self._notices:
                yield self._notices.popleft()
            if self._lost is not None:
                break
            self._changed.clear()
            await self._changed.wait()
        if self._lost.code not in EXPECTED_ENDS:
            raise self._lost.again()

    def _remember(self, id_: str) -> bool:
        """Keep the id among the latest. Gives whether it is new."""
        if id_ in self._ids:
            return False
        self._ids[id_] = None
        if len(self._ids) > self._ids_kept:
            self._ids.popitem(last=False)
        return True

    def _put(self, notice: Packet) -> None:
        self.dropped += len(self._notices) == self._notices.maxlen
        self._notices.append(notice)
        self._changed.set()

    def _call(self, on_notice: Callable[[Packet], None], notice: Packet) -> None:
        try:
            on_notice(notice)
        except Exception as error:
            # The program's fault must not cost the connection.
            context = {"message": "on_notice failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
