"""The world's own life: ticks sent by beat."""

from gameserver.game import Event, Notice, Text, event, notice

TICK_MS = 500


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


@event(origin="server", priority=2)
class Announce(Event):
    """An operator tells everybody something (``gameserver announce``)."""

    text: Text


@notice()
class Announced(Notice):
    """The game's operators say something to everybody."""

    text: str
