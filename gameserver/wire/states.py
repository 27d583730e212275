"""The session's states, as a table.

What stands in the table may happen; everything else is answered with the code of its row in ``REFUSALS``. The diagram
in docs/protocol.md is drawn from this table by ``gameserver events --states``.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a connection stands."""

    NEW = "new"
    GREETED = "greeted"
    ENTERING = "entering"
    PLAYING = "playing"
    LEAVING = "leaving"
    CLOSED = "closed"


class Input(StrEnum):
    """What can happen to a connection."""

    HELLO = "hello"
    ENTER = "register, login or resume"
    ENTERED = "let in"
    REFUSED = "refused"
    EVENT = "event"
    LOGOUT = "logout"
    CLOSE = "close"


TABLE: dict[tuple[State, Input], State] = {
    (State.NEW, Input.HELLO): State.GREETED,
    (State.GREETED, Input.ENTER): State.ENTERING,
    (State.ENTERING, Input.ENTERED): State.PLAYING,
    (State.ENTERING, Input.REFUSED): State.GREETED,
    (State.PLAYING, Input.EVENT): State.PLAYING,
    (State.PLAYING, Input.LOGOUT): State.LEAVING,
    (State.LEAVING, Input.REFUSED): State.PLAYING,
    **{(state, Input.CLOSE): State.CLOSED for state in State},
}

REFUSALS: dict[State, tuple[str, str]] = {
    State.NEW: ("not_greeted", "Say hello first."),
    State.GREETED: ("not_logged_in", "Register, log in or resume first."),
    State.ENTERING: ("entering", "Wait for the reply to the login."),
    State.PLAYING: ("already_playing", "You are in the world already."),
    State.LEAVING: ("leaving", "You are logging out."),
    State.CLOSED: ("closed", "This connection is closed."),
}


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    rows = [f"    {old} --> {new}: {what}" for (old, what), new in TABLE.items() if what is not Input.CLOSE]
    return "\n".join(["stateDiagram-v2", "    [*] --> new", *rows, "    playing --> [*]: close (from any state)"])
