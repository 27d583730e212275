"""Movement: walking by tiles, and seeing who is around."""

from typing import Literal

from gameserver.game import Event, Notice, Part, Result, adds, event, notice
from gameserver.modules.sessions.events import Entered

Direction = Literal["n", "e", "s", "w", "ne", "nw", "se", "sw"]


class Being(Result):
    """A player or creature as others see it. ``v`` counts its changes: of two sights the higher one is newer."""

    id: str
    name: str
    kind: str
    x: int
    y: int
    v: int


class EnteredAt(Part):
    """``zone``, ``x``, ``y``: where you stand."""

    zone: str
    x: int
    y: int


adds(Entered, EnteredAt)


class Walked(Result):
    """Where you stand now."""

    zone: str
    x: int
    y: int


class Gate(Result):
    """A tile from which one comes into another zone."""

    x: int
    y: int
    zone: str


class Sign(Result):
    """A place that maps show, such as a shop. ``kind``: its class on the map; ``name``: what events call it."""

    kind: str
    name: str
    title: str
    x: int
    y: int


class Charted(Result):
    """The map of the zone in which you stand. ``signs``: shops and the like.

    ``walls``: a bit for each tile, row by row from the top left, set where nobody can walk; each row begins with a new
    byte, the highest bit of a byte is the first; all in base64.
    """

    zone: str
    title: str
    width: int
    height: int
    walls: str
    gates: list[Gate]
    signs: list[Sign] = []


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


@event(
    lane="chart", priority=1, lease_s=5, durable=False, numbered=False, stale_after_s=10.0, batch_max=16, result=Charted
)
class Chart(Event):
    """Ask for the map of the zone in which you stand: its walls and gates."""


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


@event(origin="server", priority=1)
class Show(Event):
    """Born when other maps were applied: a player whom that moved is shown where it stands."""

    player: str
