"""Sessions: registering, entering, resuming, leaving."""

from gameserver.declare.base import NoticeIds
from gameserver.game import SESSION_LANE, Entrance, Event, Leaving, Name, Result, Resumption, Secret, event

SWEEP_S = 1.0


class Entered(Result):
    """Who you are now, and where. ``seq``: the highest number of yours that was applied; go on above it."""

    player: str
    name: str
    session: str
    seq: int = 0


@event(lane=SESSION_LANE, priority=3, lease_s=20, numbered=False, batch_max=4, result=Entered)
class Register(Entrance):
    """Make an account and enter the world with it."""

    name: Name
    password: Secret


@event(lane=SESSION_LANE, priority=3, lease_s=20, numbered=False, batch_max=4, result=Entered)
class Login(Entrance):
    """Enter the world with an account. An older session of the same player ends."""

    name: Name
    password: Secret


@event(lane=SESSION_LANE, priority=4, numbered=False, result=Entered)
class Resume(Resumption):
    """Take up a session where it was cut off, on any gateway, with the token it was told last.

    ``sent``: the highest number that the client has used in this session; left out, any may have been used.
    ``attempt``: by which an older resume that comes late is known; left out, gateways' clocks must do.
    """


@event(lane=SESSION_LANE, priority=3, numbered=False)
class Logout(Leaving):
    """End the session. The connection is closed after the reply."""


@event(lane="mail", priority=0, numbered=False, batch_max=400)
class Ack(Event):
    """Acknowledge durable notices, so that they are not told again."""

    ids: NoticeIds


@event(origin="server", priority=3, lease_s=20, durable=False, batch_max=4, every_s=SWEEP_S)
class Sweep(Event):
    """Send again what waits in the outbox; take out of the world whose gateway died; forget sessions that expired."""

    n: int
