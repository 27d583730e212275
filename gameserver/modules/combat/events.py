"""Combat: striking, dying, coming back."""

from gameserver.game import EntityId, Event, Notice, Result, event, notice


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
