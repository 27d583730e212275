"""Instances: entered at a gate, left where one came in; they end."""

from typing import Annotated

import msgspec

from gameserver.game import Event, Notice, Result, event, notice

TEND_S = 5.0

Template = Annotated[
    str, msgspec.Meta(pattern=r"^[^\x00]{1,64}\Z", description="name of a template, as `chart` tells it")
]


class Passed(Result):
    """Where you stand now. ``ends_ms``: when an instance ends, milliseconds since 1970; 0 outside of one."""

    zone: str
    title: str
    x: int
    y: int
    ends_ms: int = 0


@event(lane="act", result=Passed)
class Enter(Event):
    """Enter your group's instance of a template, or your own if you are in none, at a gate within 2 tiles.

    Whoever comes first opens it.
    """

    template: Template


@event(lane="act", result=Passed)
class Depart(Event):
    """Leave an instance, near where one comes in: you stand again where you entered it."""


@event(origin="server", durable=False, every_s=TEND_S)
class TendInstances(Event):
    """Find instances whose time is over, and those that nobody has been in for a while."""

    n: int


@event(origin="server", batch_max=1)
class Dissolve(Event):
    """Born of ``tendinstances``: an instance ends, and who is within stands at its gate again.

    What is too much for one transaction (things that lie there) is left for another one, which is born of this.
    """

    zone: str
    visitors: list[str]


@event(origin="server")
class LeftInstance(Event):
    """Born of a step: a player has left an instance by a portal, and is no visitor of it any more."""

    player: str
    zone: str


@notice()
class PutBack(Notice):
    """The instance in which you were has ended, and you stand there now."""

    zone: str
    x: int
    y: int
