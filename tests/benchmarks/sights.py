"""How old it is what players see of each other: from a move's being sent to its being read by another client.

What some crowds receive is kept as it came, and looked at when the run is over. Who sees a move is not told its number,
but how often its walker has changed so far (``v``), and the numbers of two moves of a walker are as far apart as those.
Which number belongs to which count is seen at the walker, who is told of its own moves too, each right after its reply.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import msgspec

from gameserver.wire.frames import LENGTH

MOVED = msgspec.msgpack.encode({"type": "moved"})[1:]
UNSEEN_US = -1


class _Moved(msgspec.Struct):
    who: str
    v: int


_read = msgspec.msgpack.Decoder(_Moved).decode


class _Client:
    """One of them: when it sent its moves and read their replies, and all that it read."""

    def __init__(self) -> None:
        self.sent_s: list[float] = []
        self.replied_s: list[float] = []
        self.received: list[tuple[float, bytes]] = []

    def first_sights(self) -> dict[tuple[str, int], float]:
        """When it saw each walker and count first, since it began to move itself: earlier ones are of another run."""
        found: dict[tuple[str, int], float] = {}
        for at_s, frames in self.received:
            if self.sent_s and at_s > self.sent_s[0]:
                for moved in _moves(frames):
                    found.setdefault((moved.who, moved.v), at_s)
        return found


class Sights:
    """What these crowds, each of whose clients sees all others of it, send and receive. Seconds by one clock."""

    def __init__(self, crowds: Sequence[Sequence[str]]) -> None:
        self._crowds = crowds
        self._clients = {name: _Client() for crowd in crowds for name in crowd}

    def __contains__(self, name: str) -> bool:
        return name in self._clients

    def sends(self, name: str, at_s: float) -> None:
        """A client sends its next move."""
        self._clients[name].sent_s.append(at_s)

    def replied(self, name: str, at_s: float) -> None:
        """A client reads that its next move was accepted."""
        self._clients[name].replied_s.append(at_s)

    def receives(self, name: str, at_s: float, frames: bytes) -> None:
        """A client read whole frames, the replies among them included."""
        self._clients[name].received.append((at_s, frames))

    def ages_us(self, begin_s: float, end_s: float) -> list[int]:
        """Microseconds from sending to sight, for each move that was sent between these times and for each other client
        of the crowd; ``UNSEEN_US`` for what one of them did not see.

        Exact as long as a walker reads some move of its own before the reply to its next. If a move was refused, its
        walker's later ones seem older than they are.
        """
        seen = {name: client.first_sights() for name, client in self._clients.items()}
        return [
            age_us
            for crowd in self._crowds
            for who in crowd
            for age_us in self._ages_of(who, [seen[name] for name in crowd if name != who], seen[who], begin_s, end_s)
        ]

    def _ages_of(
        self,
        who: str,
        watchers: Sequence[dict[tuple[str, int], float]],
        own: dict[tuple[str, int], float],
        begin_s: float,
        end_s: float,
    ) -> Iterator[int]:
        sent_s, replied_s = self._clients[who].sent_s, self._clients[who].replied_s
        counts = [v - bisect_right(replied_s, at_s) + 1 for (name, v), at_s in own.items() if name == who]
        first = max(counts, default=0)
        for n in range(bisect_left(sent_s, begin_s), bisect_left(sent_s, end_s)):
            for seen in watchers:
                at_s = seen.get((who, first + n)) if counts else None
                yield UNSEEN_US if at_s is None else int((at_s - sent_s[n]) * 1e6)


def _moves(frames: bytes) -> Iterator[_Moved]:
    at = 0
    while at < len(frames):
        begin, at = at + LENGTH.size, at + LENGTH.size + LENGTH.unpack_from(frames, at)[0]
        if frames.startswith(MOVED, begin + 1):
            yield _read(frames[begin:at])
