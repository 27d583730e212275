"""Know what the broker refuses, and leave it a longer pause than what is merely away.

A connection that a broker shuts because of a password or a permission is there again at once, and is shut again: only
somebody who gives the permission back changes that. ``ClientService`` takes each for a new beginning.
"""

from collections.abc import Callable
from typing import Any

from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

from gameserver.broker import handshake

REFUSED_PAUSE_S = 5.0
REFUSED, DIFFERS, MISSING, NOT_ALLOWED = 403, 406, 404, 530  # AMQP's codes


class Refusals:
    """When to connect again. ``otherwise``: how long to wait where nothing was refused, by the number of attempts.

    ``in_doubt``: whether something was refused, and nobody has tried since whether it still is.
    """

    def __init__(self, otherwise: Callable[[int], float]) -> None:
        self._otherwise = otherwise
        self._refused = False
        self.in_doubt = False

    def note(self, reason: Any) -> bool:
        """Note why a connection ended. Returns whether the broker refused something."""
        refused = _code(reason) in (REFUSED, NOT_ALLOWED)
        self._refused |= refused
        self.in_doubt |= refused
        return refused

    def pause_s(self, attempt: int) -> float:
        """Return how long to wait before the next attempt, as Twisted's ``retryPolicy``."""
        refused, self._refused = self._refused, False
        return REFUSED_PAUSE_S if refused else self._otherwise(attempt)


def what_to_do(reason: Any) -> str:
    """Say what the broker does not like, and what helps; what it is, where that says enough."""
    said = str(getattr(reason, "reply_text", reason))
    sentence = _SENTENCES.get(_code(reason))
    return sentence(said) if sentence is not None else said


def _code(reason: Any) -> int:
    return int(reason.reply_code) if isinstance(reason, ChannelClosedByBroker | ConnectionClosedByBroker) else 0


_SENTENCES: dict[int, Callable[[str], str]] = {
    REFUSED: handshake.refused,
    NOT_ALLOWED: handshake.not_allowed,
    DIFFERS: handshake.differs,
    MISSING: handshake.lacks,
}
