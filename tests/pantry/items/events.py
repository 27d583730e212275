"""What players do with items."""

from gameserver.declare.base import Event, Result, event


class Carried(Result, frozen=True):
    """What a player carries, by id."""

    items: tuple[str, ...]


@event(lane="act", result=Carried)
class Take(Event):
    """Take an item that lies about."""

    item: str


@event(lane="act", result=Carried)
class Snatch(Event):
    """Take an item that was only looked at: the rule is wrong."""

    item: str


@event(lane="act")
class Shelve(Event):
    """Put an item on the shelf."""

    item: str


@event(lane="act")
class Pour(Event):
    """Pour all of a jar into another of the same kind."""

    jar: str
    into: str


@event(lane="act")
class Eat(Event):
    """Empty a jar."""

    jar: str
