"""Combat: striking, dying, coming back."""

from gameserver.game import EntityId, Event, Notice, Part, Result, adds, event, notice
from gameserver.modules.movement.events import Being, Charted
from gameserver.modules.sessions.events import Entered


class BeingHealth(Part):
    """``hp_max``: what ``hp`` is when it is well; left out when that is 100."""

    hp: int
    hp_max: int = 100


class EnteredHealth(Part):
    """``hp`` of ``hp_max``: how you are; ``xp``: your experience."""

    hp: int
    hp_max: int
    xp: int


class ChartedSafety(Part):
    """``safe``: nobody fights there."""

    safe: bool = False


adds(Being, BeingHealth, before="v", absent=BeingHealth(hp=0))
adds(Entered, EnteredHealth)
adds(Charted, ChartedSafety, before="signs")


class Hit(Result):
    """What the blow did."""

    target: str
    damage: int
    hp: int


@event(lane="act", priority=2, lease_s=5, result=Hit)
class Attack(Event):
    """Strike a player or creature within reach."""

    target: EntityId


@event(origin="server", priority=1)
class Reward(Event):
    """Born when a creature dies: its slayer gains experience."""

    player: str
    xp: int
    slain: str


@notice()
class Struck(Notice):
    """Someone struck someone."""

    by: str
    target: str
    damage: int
    hp: int
    v: int


@notice()
class Died(Notice):
    """Someone died."""

    who: str
    by: str


@notice()
class Respawned(Notice):
    """You are alive again, and stand there."""

    zone: str
    x: int
    y: int
    hp: int


@notice(durable=True)
class Rewarded(Notice):
    """You gained experience for slaying a creature."""

    xp: int
    total: int
    slain: str
