"""The world's own life: ticks sent by beat, and the housekeeping that heals what deaths left behind."""

from gameserver.game import Event, Notice, Text, event, notice

TICK_MS = 500
SWEEP_MS = 1_000


@event(origin="server", priority=4, lease_s=5, durable=False, batch_max=8, every_s=TICK_MS / 1000)
class Tick(Event):
    """A pulse of the world. Doubles of a number, and numbers gone by, do nothing.

    ``n``: by beat's clock; one that is not about now, by server time, is a pulse of now.
    """

    n: int


@event(origin="server", priority=2, lease_s=5, durable=False, stale_after_s=2.0, batch_max=16, shard_by="zone")
class Stir(Event):
    """One zone's creatures act, its wounded heal, its dead return."""

    zone: str
    n: int


@event(origin="server", priority=1)
class Show(Event):
    """Born when other maps were applied: a player whom that moved is shown where it stands."""

    player: str


@event(origin="server", priority=3, lease_s=20, durable=False, batch_max=4, every_s=SWEEP_MS / 1000)
class Sweep(Event):
    """Send again what waits in the outbox; take out of the world whose gateway died; forget sessions that expired."""

    n: int


@event(origin="server", priority=2)
class Announce(Event):
    """An operator tells everybody something (``gameserver announce``)."""

    text: Text


@notice()
class Announced(Notice):
    """The game's operators say something to everybody."""

    text: str
