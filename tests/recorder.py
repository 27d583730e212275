"""A line that remembers what went over it."""

from types import TracebackType
from typing import Self

from gameserver.testing.proxy import Proxy


class Recorder(Proxy):
    """Stands before a port on loopback; a ``with`` block ends it. ``asked``, ``answered``: all bytes each way."""

    def __init__(self, to: int) -> None:
        self.asked = bytearray()
        self.answered = bytearray()
        super().__init__(to)

    def _passes(self, data: bytes, *, answers: bool) -> None:
        (self.answered if answers else self.asked).extend(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
