"""Movement: walking by tiles, and seeing who is around."""

from gameserver.declare.base import Direction, Event, Notice, Result, event, notice


class Being(Result):
    """A player or creature as others see it. ``v`` counts its changes: of two sights the higher one is newer."""

    id: str
    name: str
    kind: str
    x: int
    y: int
    hp: int
    v: int


class Walked(Result):
    """Where you stand now."""

    zone: str
    x: int
    y: int


@event(lane="act", priority=2, lease_s=5, durable=False, stale_after_s=5.0, batch_max=800, result=Walked)
class Move(Event):
    """Walk one tile."""

    dir: Direction


@event(
    lane="act",
    priority=2,
    lease_s=5,
    durable=False,
    numbered=False,
    stale_after_s=10.0,
    batch_max=64,
    refreshes_view=True,
)
class Look(Event):
    """Be told all that you can see now (a ``view`` notice)."""


@notice()
class View(Notice):
    """All that you can see now; it replaces what you saw before."""

    zone: str
    title: str
    width: int
    height: int
    you: Being
    beings: list[Being]


@notice(conflation_key="who")
class Moved(Notice):
    """Someone whom you see walked."""

    who: str
    x: int
    y: int
    v: int


@notice()
class Appeared(Notice):
    """Someone came into view, or changed in a way that shows."""

    being: Being


@notice()
class Vanished(Notice):
    """Someone left your view."""

    who: str
    v: int
