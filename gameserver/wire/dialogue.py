"""The dialogue in which a person at a terminal says who it is.

A name and a password, of somebody known or new; or ``resume`` and the code of a session whose connection was lost.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import Event
from gameserver.declare.field_descriptions import fault_of


class Step(Enum):
    """Where the dialogue stands, and what is asked there."""

    NAME = "Your name (or new, to make a player): "
    PASSWORD = "Your password: "  # noqa: S105
    NEW_NAME = "A name for your player: "
    NEW_PASSWORD = "A password (8 characters or more): "  # noqa: S105
    AGAIN = "The same password once more: "
    ENTERING = ""
    PLAYING = "> "


RESUME = "resume"  # with a code, in the place of a name
HIDDEN = frozenset((Step.PASSWORD, Step.NEW_PASSWORD, Step.AGAIN))


class Dialogue:
    """One person's. ``step``: where it stands. What was typed is kept until it is sent."""

    def __init__(self) -> None:
        self.step = Step.NAME
        self._given: dict[str, str] = {}
        self._takers: dict[Step, Callable[[str], Event | str]] = {
            Step.NAME: self._take_name,
            Step.PASSWORD: self._take_password,
            Step.NEW_NAME: self._take_new_name,
            Step.NEW_PASSWORD: self._take_new_password,
            Step.AGAIN: self._take_again,
            Step.ENTERING: self._wait,
        }

    @property
    def is_playing(self) -> bool:
        """Whether the person is in the world."""
        return self.step is Step.PLAYING

    @property
    def is_hidden(self) -> bool:
        """Whether what is typed next must not be shown."""
        return self.step in HIDDEN

    def take(self, line: str) -> Event | str:
        """Take a line: the entrance that is to be sent, or what to say before the next question."""
        return self._takers[self.step](line)

    def note_answer(self, *, let_in: bool) -> None:
        """The entrance was answered."""
        if self.step is Step.ENTERING:
            self.step = Step.PLAYING if let_in else Step.NAME

    def _take_name(self, line: str) -> Event | str:
        name = line.strip()
        word, _, code = name.partition(" ")
        if word.lower() == RESUME and code:
            return self._entrance(RESUME, token=code.strip())
        self._given = {"name": name}
        if name.lower() == "new":
            self.step = Step.NEW_NAME
        elif name:
            self.step = Step.PASSWORD
        return ""

    def _take_password(self, line: str) -> Event | str:
        return self._enter("login", line) if line else self._begin_anew()

    def _take_new_name(self, line: str) -> str:
        self._given = {"name": line.strip()}
        self.step = Step.NEW_PASSWORD if line.strip() else Step.NAME
        return ""

    def _take_new_password(self, line: str) -> str:
        if not line:
            return self._begin_anew()
        self._given["password"] = line
        self.step = Step.AGAIN
        return ""

    def _take_again(self, line: str) -> Event | str:
        if line != self._given.pop("password"):
            self.step = Step.NEW_PASSWORD
            return "These were two different passwords."
        return self._enter("register", line)

    def _begin_anew(self) -> str:
        self.step = Step.NAME
        return "Nobody enters without a password."

    def _wait(self, line: str) -> str:
        return "One moment."

    def _enter(self, event: str, password: str) -> Event | str:
        given, self._given = self._given, {}
        return self._entrance(event, **given, password=password)

    def _entrance(self, event: str, **fields: str) -> Event | str:
        packet = {"type": event, **fields}
        cls: Any = catalogue.client_events().get(event)
        self.step = Step.NAME
        if cls is None:
            return f"Nobody can {event} in this game."
        try:
            entrance: Event = msgspec.convert(packet, cls)
        except msgspec.ValidationError:
            return fault_of(packet, cls)
        self.step = Step.ENTERING
        return entrance
