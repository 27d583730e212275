"""Errors that say whose fault it is.

``Rejected`` is the player's (or the rules'): it is answered with its code and never retried. ``Retryable`` is the
world's: the same event may succeed in a moment. ``Corrupt`` is ours: a broken file, setting or invariant; it stops
what it touches rather than guessing. Codes are part of the protocol and never change their meaning.
"""


class GameError(Exception):
    """Base of all errors of this project: a stable ``code`` and a ``message`` that a person understands."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Rejected(GameError):
    """The sender asked for something that can't be: answered with an error, never retried."""


class NotNow(Rejected):
    """The same, but not remembered: sent again with the same number, the event may succeed."""


class Repeated(Rejected):
    """An event of the server's own that was applied already: counted as such, and told to nobody."""

    def __init__(self, message: str) -> None:
        super().__init__("repeated", message)


class Retryable(GameError):
    """The world is not ready (database locked, broker away): the same event may succeed in a moment."""


class Corrupt(GameError):
    """Our own fault: a file, a setting or an invariant is broken, and a person has to look."""
