"""Sessions: registering, entering, resuming, leaving, and what gateways say of themselves."""

from gameserver.declare.base import SEQ_MAX, Attempt, Event, Name, NoticeIds, Result, Secret, Sent, event

HEARTBEAT_MS = 3_000  # so often a gateway says that it is alive
UNHEARD_MS = 2 * HEARTBEAT_MS  # of whom nothing is heard for longer, more than one heartbeat was lost
# A gateway none of whose heartbeats was applied for so long counts as dead, if others' were applied all the time.
GATEWAY_SILENT_MS = 15_000


class Entered(Result):
    """Who you are now, and where. ``seq``: the highest number of yours that was applied; go on above it."""

    player: str
    name: str
    session: str
    zone: str
    x: int
    y: int
    hp: int
    hp_max: int
    xp: int
    seq: int = 0


@event(lane="session", priority=3, lease_s=20, numbered=False, batch_max=4, result=Entered)
class Register(Event):
    """Make an account and enter the world with it."""

    name: Name
    password: Secret


@event(lane="session", priority=3, lease_s=20, numbered=False, batch_max=4, result=Entered)
class Login(Event):
    """Enter the world with an account. An older session of the same player ends."""

    name: Name
    password: Secret


@event(lane="session", priority=4, numbered=False, result=Entered)
class Resume(Event):
    """Take up a session where it was cut off, on any gateway, with the token it was told last.

    ``sent``: the highest number that the client has used in this session; left out, any may have been used.
    ``attempt``: by which an older resume that comes late is known; left out, gateways' clocks must do.
    """

    token: Secret
    sent: Sent = SEQ_MAX
    attempt: Attempt = 0


@event(lane="session", priority=3, numbered=False)
class Logout(Event):
    """End the session. The connection is closed after the reply."""


@event(lane="mail", priority=0, numbered=False, batch_max=400)
class Ack(Event):
    """Acknowledge durable notices, so that they are not told again."""

    ids: NoticeIds


@event(origin="gateway", priority=2)
class Lost(Event):
    """A client's connection is gone: its player leaves the world until the session is resumed."""


@event(origin="gateway", priority=3)
class Rejoin(Event):
    """A gateway was cut off from the queue for a while; this connection is still there."""


@event(origin="gateway", priority=4, durable=False)
class Heartbeat(Event):
    """A gateway is alive and holds so many connections.

    ``after``: it asks who plays through it, by what the data tier knows: those whose connections' ids come after this;
    "" when it does not ask.
    """

    sessions: int
    after: str = ""
