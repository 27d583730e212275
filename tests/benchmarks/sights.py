"""How old it is what players see of each other: from sending a move to another client's reading of it.

What some crowds receive is kept as it came and looked at when the run is over, so that it costs the run one copy of
bytes. Who sees a move is not told its number, but how often its walker has changed so far (``v``). At its entrance a
walker is told its own ``v``, and each of its moves that is not refused raises it by one: so each move's ``v`` is known.

A move is seen by another client when that reads a picture of the walker with this ``v`` or a higher one: who reads the
newer place needs the older one no more, and a server may leave it out. A picture with a lower ``v`` is older than the
move and shows it to nobody; neither does one of a place where the walker, by the reply to its move, does not stand.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import msgspec

from gameserver.wire.frames import LENGTH

UNSEEN_US = -1

Place = tuple[int, int]


class _Seen(msgspec.Struct):
    """A picture of somebody, as it stands in several notices."""

    x: int
    y: int
    v: int
    who: str = ""
    id: str = ""


class _Moved(_Seen, tag_field="type", tag="moved"):
    pass


class _Appeared(msgspec.Struct, tag_field="type", tag="appeared"):
    being: _Seen


class _View(msgspec.Struct, tag_field="type", tag="view"):
    beings: list[_Seen]
    you: _Seen


class _Stands(msgspec.Struct):
    x: int = 0
    y: int = 0


class _Ok(msgspec.Struct, tag_field="type", tag="ok"):
    re: int = 0
    data: _Stands | None = None


class _Error(msgspec.Struct, tag_field="type", tag="error"):
    re: int = 0


_Packet = _Moved | _Appeared | _View | _Ok | _Error
_KINDS = tuple(msgspec.msgpack.encode({"type": name})[1:] for name in ("moved", "appeared", "view", "ok", "error"))
_read = msgspec.msgpack.Decoder(_Packet).decode


class _Client:
    """One of them: which moves it sent when, and all that it read."""

    def __init__(self) -> None:
        self.sent: dict[int, float] = {}  # seq -> when
        self.received: list[tuple[float, bytes]] = []

    def read(self) -> "_Read":
        """Look at what it received."""
        found = _Read()
        for at_s, frames in self.received:
            for packet in _packets(frames):
                found.take(at_s, packet, self.sent)
        return found


class _Read:
    """What a client read of others, of itself and of its moves."""

    def __init__(self) -> None:
        self.pictures: dict[str, list[tuple[float, int, Place]]] = {}
        self.places: dict[int, Place] = {}  # by seq of its own moves, as their replies say
        self.refused: set[int] = set()
        self.v_before: dict[str, int] = {}  # of whom it was shown whole, itself included, before its first reply

    def take(self, at_s: float, packet: _Packet, sent: dict[int, float]) -> None:
        """Note what a packet shows."""
        match packet:
            case _Ok():
                if packet.re in sent:
                    self.places[packet.re] = (packet.data.x, packet.data.y) if packet.data else (0, 0)
            case _Error():
                self.refused |= {packet.re} & sent.keys()
            case _View():
                for being in (packet.you, *packet.beings):
                    self._see_whole(at_s, being)
            case _Appeared():
                self._see_whole(at_s, packet.being)
            case _Moved():
                self._see(at_s, packet.who, packet)

    def _see_whole(self, at_s: float, being: _Seen) -> None:
        self._see(at_s, being.id, being)
        if not self.places:
            self.v_before[being.id] = being.v

    def _see(self, at_s: float, who: str, seen: _Seen) -> None:
        self.pictures.setdefault(who, []).append((at_s, seen.v, (seen.x, seen.y)))


class Sights:
    """What these crowds, each of whose clients sees all others of it, send and receive. Seconds by one clock."""

    def __init__(self, crowds: Sequence[Sequence[str]]) -> None:
        self._crowds = crowds
        self._clients = {name: _Client() for crowd in crowds for name in crowd}

    def __contains__(self, name: str) -> bool:
        return name in self._clients

    def sends(self, name: str, seq: int, at_s: float) -> None:
        """A client sends a move."""
        self._clients[name].sent[seq] = at_s

    def receives(self, name: str, at_s: float, frames: bytes) -> None:
        """A client read whole frames, from its entrance on."""
        self._clients[name].received.append((at_s, frames))

    def ages(self, begin_s: float, end_s: float) -> list[tuple[int, int]]:
        """For each move that was sent between these times, and for each other client of the crowd: milliseconds from
        the beginning to its sending, and microseconds from sending to sight. ``UNSEEN_US`` for what one of them did not
        see, and for refused moves.
        """
        read = {name: client.read() for name, client in self._clients.items()}
        return [
            (int((sent_s - begin_s) * 1e3), age_us)
            for crowd in self._crowds
            for who in crowd
            for sent_s, age_us in self._ages_of(who, read, [name for name in crowd if name != who], begin_s, end_s)
        ]

    def _ages_of(
        self, who: str, read: dict[str, _Read], watchers: Sequence[str], begin_s: float, end_s: float
    ) -> list[tuple[float, int]]:
        sent = self._clients[who].sent
        v_of, place_of = _versions(read[who], sent, read[who].v_before.get(who))
        ages: list[tuple[float, int]] = []
        for watcher in watchers:
            newest = _Newest(read[watcher].pictures.get(who, ()), place_of)
            for seq, sent_s in sent.items():
                if begin_s <= sent_s < end_s:
                    ages.append((sent_s, _age_us(newest.shown(v_of.get(seq)), sent_s)))
        # A sight of what was not sent yet: then something else raised v too, and no age is right.
        certain = all(age_us >= UNSEEN_US for _, age_us in ages)
        return ages if certain else [(sent_s, UNSEEN_US) for sent_s, _ in ages]


def _versions(read: _Read, sent: dict[int, float], before: int | None) -> tuple[dict[int, int], dict[int, Place]]:
    """The ``v`` of each move that was not refused, and the place of each ``v`` that a reply told."""
    if before is None:
        return {}, {}
    taken = [seq for seq in sent if seq not in read.refused]
    v_of = {seq: before + n for n, seq in enumerate(taken, start=1)}
    return v_of, {v_of[seq]: place for seq, place in read.places.items()}


class _Newest:
    """When pictures of somebody that were newer than all before them came."""

    def __init__(self, pictures: Sequence[tuple[float, int, Place]], place_of: dict[int, Place]) -> None:
        self._vs: list[int] = []
        self._at_s: list[float] = []
        for at_s, v, place in pictures:
            if (not self._vs or v > self._vs[-1]) and place_of.get(v, place) == place:
                self._vs.append(v)
                self._at_s.append(at_s)

    def shown(self, v: int | None) -> float | None:
        """When this or something newer was first shown."""
        n = len(self._vs) if v is None else bisect_left(self._vs, v)
        return self._at_s[n] if n < len(self._vs) else None


def _age_us(at_s: float | None, sent_s: float) -> int:
    return UNSEEN_US if at_s is None else round((at_s - sent_s) * 1e6)


def _packets(frames: bytes) -> Iterator[_Packet]:
    at = 0
    while at < len(frames):
        begin, at = at + LENGTH.size, at + LENGTH.size + LENGTH.unpack_from(frames, at)[0]
        if frames.startswith(_KINDS, begin + 1):
            yield _read(frames[begin:at])
