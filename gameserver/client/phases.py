"""The phase that a client is in, and the calls that are allowed in it."""

from enum import Enum

from gameserver.client.errors import ConnectionLost, Refused


class Phase(Enum):
    """How far a client has come."""

    CONNECTING = "connecting for the first time"
    GREETED = "connected, not in the world"
    PLAYING = "in the world"
    AWAY = "in the world, looking for a connection"
    ENDED = "over"


class Lifecycle:
    """Holds the current phase and, once the client has ended, the reason."""

    def __init__(self) -> None:
        self.phase = Phase.CONNECTING
        self.reason: ConnectionLost | None = None  # for its end

    @property
    def is_in_world(self) -> bool:
        """Whether the session may still send events, now or after a reconnection."""
        return self.phase in (Phase.PLAYING, Phase.AWAY)

    @property
    def has_ended(self) -> bool:
        """Whether the client can no longer be used."""
        return self.phase is Phase.ENDED

    def end(self, reason: ConnectionLost) -> None:
        """Enter the last phase. Every later check raises ``reason``."""
        self.phase = Phase.ENDED
        self.reason = reason

    def check_alive(self) -> None:
        """Raise ``ConnectionLost`` with the reason for the end when the client has ended."""
        if self.reason is not None:
            raise self.reason.again()

    def check_may_enter(self) -> None:
        """Raise ``ConnectionLost`` or ``Refused`` when no login is possible now."""
        self.check_alive()
        if self.phase is not Phase.GREETED:
            raise Refused("already_playing", "You are in the world already.")

    def check_in_world(self) -> None:
        """Raise ``ConnectionLost`` or ``Refused`` when no event can be sent."""
        self.check_alive()
        if not self.is_in_world:
            raise Refused("not_logged_in", "Register or log in first.")
