"""Sessions as the engine knows them: by what they begin and end, and what gateways tell of their connections.

The module that answers these events is the game's (``gameserver.modules.sessions``, or one of its own by that name). It
declares how a client enters and leaves, with events derived from ``Entrance``, ``Resumption`` and ``Leaving``; gateways
and the protocol know them by these bases. ``Lost``, ``Rejoin`` and ``Heartbeat`` are sent by gateways, and declared
here; the module has their rules.
"""

from gameserver.declare.base import SEQ_MAX, Attempt, Event, Secret, Sent, event

SESSIONS = "sessions"  # the family whose rules answer what gateways tell
SESSION_LANE = "session"

HEARTBEAT_MS = 3_000  # so often a gateway says that it is alive
UNHEARD_MS = 2 * HEARTBEAT_MS  # of whom nothing is heard for longer, more than one heartbeat was lost
# A gateway none of whose heartbeats was applied for so long counts as dead, if others' were applied all the time.
GATEWAY_SILENT_MS = 15_000


class Entrance(Event):
    """Base of the events by which a client that has no session gets one."""


class Resumption(Entrance):
    """Base of the entrance that takes up a session where it was cut off, on any gateway, with the last token.

    ``sent``: the highest number that the client has used in this session; left out, any may have been used.
    ``attempt``: by which an older resume that comes late is known; left out, gateways' clocks must do.
    """

    token: Secret
    sent: Sent = SEQ_MAX
    attempt: Attempt = 0


class Leaving(Event):
    """Base of the events by which a client ends its session."""


@event(origin="gateway", family=SESSIONS, priority=2)
class Lost(Event):
    """A client's connection is gone: its player leaves the world until the session is resumed."""


@event(origin="gateway", family=SESSIONS, priority=3)
class Rejoin(Event):
    """A gateway was cut off from the queue for a while; this connection is still there."""


@event(origin="gateway", family=SESSIONS, priority=4, durable=False)
class Heartbeat(Event):
    """A gateway is alive and holds so many connections.

    ``after``: it asks who plays through it, by what the data tier knows: those whose connections' ids come after this;
    "" when it does not ask.
    """

    sessions: int
    after: str = ""
