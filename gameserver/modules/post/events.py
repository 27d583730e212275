"""Letters: posted, listed, opened; what nobody opens goes back."""

from typing import Annotated

import msgspec

from gameserver.game import Event, Name, Notice, Result, Text, event, notice
from gameserver.modules.items.events import Thing, ThingId

ENCLOSED_MAX = 6
LETTERS_MAX = 50
RETURN_S = 60.0

Enclosed = Annotated[
    list[ThingId], msgspec.Meta(max_length=ENCLOSED_MAX, description=f"list of ids, {ENCLOSED_MAX} at most")
]
Postage = Annotated[int, msgspec.Meta(ge=0, le=1_000_000, description="0 to 1,000,000")]
LetterId = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,128}\Z", description="id of a letter")]


class Unopened(Result):
    """A letter. ``returned``: it is one of yours that nobody opened. ``at_ms``: milliseconds since 1970."""

    id: str
    by: str
    text: str
    things: list[Thing]
    coins: int
    at_ms: int
    returned: bool = False


class Mailbag(Result):
    """The letters that wait for you, oldest first."""

    letters: list[Unopened]


class Sent(Result):
    """The letter's id, and the coins that you have left."""

    letter: str
    coins: int


class Opened(Result):
    """What was in it, and the coins that you have now."""

    things: list[Thing]
    coins: int


@event(lane="trade", result=Sent)
class Post(Event):
    """Send a letter with things and coins to a player, who may be anywhere or not in the world."""

    to: Name
    text: Text
    things: Enclosed = []
    coins: Postage = 0


@event(lane="trade", durable=False, stale_after_s=30.0, result=Mailbag)
class Letters(Event):
    """Ask which letters wait for you."""


@event(lane="trade", result=Opened)
class OpenLetter(Event):
    """Take what is in a letter. The letter is gone then."""

    letter: LetterId


@event(origin="server", durable=False, every_s=RETURN_S)
class SortMail(Event):
    """Find letters that nobody opens."""

    n: int


@event(origin="server", durable=False, stale_after_s=60.0)
class ReturnLetter(Event):
    """Born of ``sortmail``: a letter goes back to its sender."""

    letter: str
    receiver: str
    sender: str


@notice(durable=True, merge={"by": "last", "letters": "sum"})
class Posted(Notice):
    """A letter came for you; it may stand for several ``letters``, and ``by`` sent the last of them."""

    by: str
    letters: int = 1
