"""The two ways in which a call can fail: the server refuses one event, or the whole connection is lost."""

from typing import Self

from gameserver.errors import GameError


class Refused(GameError):
    """One event did not take effect; the connection goes on. The codes are listed in docs/protocol.md."""


class ConnectionLost(GameError):
    """The connection is gone for good. ``code``: the server's farewell, ``closed`` by ourselves, ``unreachable``..."""

    @classmethod
    def because_of(cls, error: OSError | GameError) -> Self:
        """Make the loss that the last failed attempt to connect amounts to."""
        if isinstance(error, GameError):
            return cls(error.code, error.message)
        return cls("unreachable", f"No gateway answered: {error or 'timed out'}.")

    def again(self) -> Self:
        """Copy the error, because one exception object must not be raised to several callers."""
        return type(self)(self.code, self.message)
