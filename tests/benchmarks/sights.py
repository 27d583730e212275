"""How old it is what players see of each other: from a move's being sent to its being read by another client.

What some clients receive is kept as it came, and looked at when the run is over. Who sees a move is not told its
number, but how often its walker has changed so far (``v``). So the numbers of two moves of a walker are as far apart as
their counts, and one sight that is certainly of a certain move tells them all.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator

import msgspec

from gameserver.wire.frames import LENGTH

MOVED = msgspec.msgpack.encode({"type": "moved"})[1:]
UNSEEN_US = -1


class _Moved(msgspec.Struct):
    who: str
    v: int


_read = msgspec.msgpack.Decoder(_Moved).decode


class Sights:
    """What these clients send and receive. Times in seconds, by one clock."""

    def __init__(self, names: Collection[str]) -> None:
        self._sent_s: dict[str, list[float]] = {name: [] for name in names}
        self._received: dict[str, list[tuple[float, bytes]]] = {name: [] for name in names}

    def __contains__(self, name: str) -> bool:
        return name in self._sent_s

    def sends(self, name: str, at_s: float) -> None:
        """A client sends its next move."""
        self._sent_s[name].append(at_s)

    def receives(self, name: str, at_s: float, frames: bytes) -> None:
        """A client read whole frames."""
        self._received[name].append((at_s, frames))

    def ages_us(self, begin_s: float, end_s: float) -> list[int]:
        """Microseconds from sending to sight, for each move that was sent between these times, and for each of those
        who saw anything of its walker; ``UNSEEN_US`` for what one of them did not see.

        Exact as long as some sight of each walker is younger than the pause between two of its moves. If a move was
        refused, its walker's later ones seem older than they are.
        """
        ages: list[int] = []
        for who, by_watcher in self._by_walker().items():
            sent_s = self._sent_s[who]
            first_v = max(v - bisect_left(sent_s, at_s) + 1 for seen in by_watcher.values() for v, at_s in seen.items())
            wanted = range(bisect_left(sent_s, begin_s), bisect_left(sent_s, end_s))
            for seen in by_watcher.values():
                for n in wanted:
                    at = seen.get(first_v + n)
                    ages.append(UNSEEN_US if at is None else int((at - sent_s[n]) * 1e6))
        return ages

    def _by_walker(self) -> dict[str, dict[str, dict[int, float]]]:
        """Walker, watcher, count: when it was seen first."""
        found: dict[str, dict[str, dict[int, float]]] = {}
        for watcher, received in self._received.items():
            for at_s, frames in received:
                for moved in _moves(frames):
                    if self._began(moved.who, at_s):
                        found.setdefault(moved.who, {}).setdefault(watcher, {}).setdefault(moved.v, at_s)
        return found

    def _began(self, who: str, at_s: float) -> bool:
        """Whether it is one of these, and had sent a move by then; what is seen earlier is of another run."""
        sent_s = self._sent_s.get(who)
        return bool(sent_s) and sent_s[0] < at_s


def _moves(frames: bytes) -> Iterator[_Moved]:
    at = 0
    while at < len(frames):
        begin, at = at + LENGTH.size, at + LENGTH.size + LENGTH.unpack_from(frames, at)[0]
        if frames.startswith(MOVED, begin + 1):
            yield _read(frames[begin:at])
