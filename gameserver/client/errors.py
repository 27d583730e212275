"""What a client can fail of: the server's refusal of one event, or the loss of the whole connection."""

from gameserver.errors import GameError


class Refused(GameError):
    """One event did not take effect; the connection goes on. The codes are listed in docs/protocol.md."""


class ConnectionLost(GameError):
    """The connection is gone for good. ``code``: the server's farewell, ``closed`` by ourselves, ``unreachable``..."""
