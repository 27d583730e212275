"""Achievements: listed, and told when one is earned."""

from gameserver.game import Event, Notice, Result, event, notice


class Earned(Result):
    """An achievement that you have. ``at_ms``: since when, in milliseconds since 1970."""

    name: str
    title: str
    text: str
    points: int
    at_ms: int


class Ahead(Result):
    """An achievement that you don't have yet, and how far you are."""

    name: str
    title: str
    text: str
    points: int
    count: int
    of: int


class Honours(Result):
    """What you have achieved, in all so many points, and what lies ahead."""

    points: int
    earned: list[Earned]
    ahead: list[Ahead]


@event(lane="act", durable=False, numbered=False, stale_after_s=10.0, result=Honours)
class Achievements(Event):
    """Ask what you have achieved, and what you may yet."""


@event(origin="server", durable=False, stale_after_s=60.0)
class Saw(Event):
    """Born of a step: a player has come into a zone."""

    player: str
    zone: str


@event(origin="server", durable=True)
class Gave(Event):
    """Born of a gift that passes a number: a player has given away so many coins in all."""

    player: str
    coins: int


@notice(durable=True)
class Achieved(Notice):
    """You have achieved something, for so many points; ``total`` are those of all that you have achieved."""

    name: str
    title: str
    text: str
    points: int
    total: int
