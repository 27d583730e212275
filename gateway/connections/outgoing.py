"""What waits to be written to one client, and the way on which it goes.

Writes are gathered and go out once per flush window. A client that does not read first misses what others do around it,
and is later cut off; when it reads again it is shown the present state instead of the past.
"""

from math import inf
from typing import Protocol

from gameserver.limits import Limits
from gameserver.wire.codecs import Codec


class Transport(Protocol):
    """The way to the client's socket; see ``gateway.net.transport``."""

    def write(self, data: bytes) -> None: ...

    def finish(self, goodbye: str) -> None: ...

    def hang_up(self) -> None: ...

    def abort(self) -> None: ...


class Outgoing:
    """The bytes for one client, from what queues them to the socket."""

    __slots__ = (
        "_bytes",
        "_limits",
        "_transport",
        "broadcast_codec",
        "cut_off",
        "due_s",
        "gone",
        "missed_broadcasts",
        "paused",
        "queued",
    )

    def __init__(self, transport: Transport, limits: Limits) -> None:
        self._transport = transport
        self._limits = limits
        self.broadcast_codec: Codec | None = None  # for what others do; None before it watches, and after its goodbye
        self.queued: list[bytes] = []
        self._bytes = 0  # how much that is, counted while the client does not read
        self.due_s = inf  # when it is to be written at the latest, as far as it can wait
        self.paused = False  # whether the client does not read
        self.missed_broadcasts = False  # whether it missed something because it did not read
        self.cut_off = False  # whether too much waited for it
        self.gone = False  # whether the socket is closed

    def subscribe(self, codec: Codec | None) -> None:
        """Hear what others do from now on, in this form."""
        self.broadcast_codec = codec

    def unsubscribe(self) -> None:
        """Hear no longer what others do."""
        self.broadcast_codec = None

    def take_missed_broadcasts(self) -> bool:
        """Say whether it missed what others did and has not been shown the present since; it is to be shown it now."""
        missed, self.missed_broadcasts = self.missed_broadcasts, False
        return missed

    def put(self, data: bytes) -> None:
        """Queue bytes that matter."""
        if data:
            self.queued.append(data)
            self._bytes += len(data)

    def put_if_room(self, data: bytes) -> None:
        """Queue bytes that a slow reader can do without.

        Where it reads, appending them to ``queued`` does the same.
        """
        if self.paused and self._bytes > self._limits.write_buffer_soft_bytes:
            self.missed_broadcasts = True
        else:
            self.put(data)

    def wait_until(self, due_s: float) -> None:
        """Let what is queued wait until then, as far as it can wait."""
        self.due_s = due_s

    def flush(self) -> None:
        """Write what is queued, in one piece; cut off a client for whom too much waits."""
        self.due_s = inf
        if self.paused:
            if self._bytes > self._limits.write_buffer_bytes_max:
                self.cut_off = True
                self.abort()
        elif self.queued and not self.gone:
            queued, self.queued = self.queued, []
            self._transport.write(queued[0] if len(queued) == 1 else b"".join(queued))

    def pause(self) -> None:
        """Stop writing: the transport's buffer is full, the client does not read."""
        self.paused = True
        self._bytes = sum(map(len, self.queued))

    def resume(self) -> None:
        """Write again: the transport's buffer is empty."""
        self.paused = False
        self.flush()

    def finish(self, goodbye: str) -> None:
        """Write what is queued, and nothing more. ``goodbye``: the code of what the client was told last."""
        self.flush()
        self._transport.finish(goodbye)

    def hang_up(self) -> None:
        """Close when everything was sent."""
        self._transport.hang_up()

    def abort(self) -> None:
        """Close at once; what is queued is lost."""
        self.queued, self._bytes = [], 0
        self._transport.abort()

    def mark_gone(self) -> None:
        """Write nothing any more: the socket is closed."""
        self.gone = True
