"""Combat: striking, dying, coming back."""

from gameserver.game import EntityId, Event, Name, Notice, Part, Result, adds, event, notice
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


class Swept(Result):
    """What the blow did to each that it struck."""

    hits: list[Hit]


@event(lane="act", priority=2, lease_s=5, result=Swept)
class Cleave(Event):
    """Strike all creatures near you, with a weapon that sweeps."""


class Rivalry(Result):
    """Whom you have challenged or fight, until when (milliseconds since 1970) at most."""

    rival: str
    until_ms: int


@event(lane="act", result=Rivalry)
class Challenge(Event):
    """Ask a player near you for a duel: it ends before anybody dies, and may be fought where it is safe, too."""

    to: Name


@event(lane="act", result=Rivalry)
class AcceptDuel(Event):
    """Accept the challenge of a player: the duel begins."""

    to: Name


@event(lane="act")
class DeclineDuel(Event):
    """Decline a player's challenge, or take back your own."""

    to: Name


@event(lane="act")
class Forfeit(Event):
    """Give up the duel that you fight."""


class Condition(Result):
    """How you are: ``next_xp`` is the experience with which the next level begins, 0 where there is none.

    ``effects``: the titles of what acts on you; ``resists``: the percent of damage that is kept off you, by element.
    """

    hp: int
    hp_max: int
    level: int
    xp: int
    next_xp: int
    attack: int
    defence: int
    reach: int
    effects: list[str]
    resists: dict[str, int]


@event(lane="act", durable=False, stale_after_s=5.0, result=Condition)
class Score(Event):
    """Ask how you are: level, experience, what acts on you."""


@event(origin="server", priority=1)
class Reward(Event):
    """Born when a creature dies, for each who took part: they gain their share of its experience, be it 0."""

    player: str
    xp: int
    slain: str


@event(origin="server", priority=1)
class Slain(Event):
    """Born when a creature dies: what it had lies there."""

    kind: str
    zone: str
    x: int
    y: int


@event(origin="server", priority=1)
class Fall(Event):
    """Born when a player dies: what death costs. ``by``: the id of whose doing it was."""

    player: str
    by: str
    zone: str
    x: int
    y: int


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


@notice()
class Fallen(Notice):
    """What your death has cost you: so much experience; ``total`` is what is left."""

    xp: int
    total: int


@notice()
class Levelled(Notice):
    """You have reached a level, and are stronger now."""

    level: int
    hp: int
    hp_max: int
    attack: int


@notice()
class Afflicted(Notice):
    """Something acts on you for a while: ``effect`` is its title, ``kind`` its name."""

    kind: str
    effect: str
    by: str


@notice()
class Felt(Notice):
    """An effect has done you harm, or good: your health now."""

    kind: str
    effect: str
    change: int
    hp: int


@notice()
class Challenged(Notice):
    """Somebody asks you for a duel; it may be accepted until then."""

    by: str
    until_ms: int


@notice()
class DuelBegan(Notice):
    """Two players fight a duel."""

    players: list[str]
    until_ms: int


@notice()
class DuelEnded(Notice):
    """A duel is over, or was declined. ``winner``: a name, "" for nobody; ``why``: won, forfeited, over, declined."""

    players: list[str]
    winner: str
    why: str
