"""The world's changing part: frozen values, one type for each kind of thing the data tier keeps.

Fields are the columns, in their order. Times are milliseconds since 1970, 0 for never. A thing changes by being
replaced.
"""

import msgspec

from gameserver.world.marks import NO_MARKS


class Account(msgspec.Struct, frozen=True):
    """Who may enter as a player. ``id`` is the player's id, the name in small letters."""

    id: str
    name: str
    password_hash: str
    created_ms: int


class Player(msgspec.Struct, frozen=True):
    """A player's body. ``v`` counts changes that others see. ``gateway`` is "" while not in the world.

    ``steps_due_ms``: when the steps taken so far would be due at the speed limit. ``attack_due_ms``: when the next blow
    may fall. ``dead_until_ms``: 0 when alive. ``hit_ms``: when last struck. ``session``: the last one, "" once it is
    known to be over; ``marks``: its watermarks (``world.marks``), which begin anew with another.
    """

    id: str
    name: str
    zone: str
    x: int
    y: int
    v: int = 0
    hp: int = 100
    hp_max: int = 100
    attack: int = 10
    defence: int = 2
    xp: int = 0
    coins: int = 100
    steps_due_ms: int = 0
    attack_due_ms: int = 0
    dead_until_ms: int = 0
    hit_ms: int = 0
    session: str = ""
    gateway: str = ""
    conn: str = ""
    marks: str = NO_MARKS

    @property
    def present(self) -> bool:
        """Whether the player is in the world."""
        return self.gateway != ""


class Creature(msgspec.Struct, frozen=True):
    """A creature's body; its kind's table tells the rest. ``prey``: id of the player it is after, "" for none."""

    id: str
    kind: str
    zone: str
    x: int
    y: int
    v: int = 0
    hp: int = 1
    prey: str = ""
    act_due_ms: int = 0
    dead_until_ms: int = 0


class Session(msgspec.Struct, frozen=True):
    """A player's stay, over any number of connections. Tokens are kept as hashes only.

    ``token_before`` stays good until the new one is used, because the answer that carried the new one may be lost.
    ``expires_ms`` is 0 while a connection holds the session. ``since_ms``: when its gateway accepted the entrance that
    brought the last connection, so that an older entrance that comes late is known. ``attempt``: the client's own count
    of its resumes, by which the same is known exactly; 0 where it did not say.
    """

    id: str
    player: str
    gateway: str
    conn: str
    token: str
    token_before: str = ""
    expires_ms: int = 0
    since_ms: int = 0
    attempt: int = 0


class ZoneClock(msgspec.Struct, frozen=True):
    """The last tick that a zone has lived through. The world's own pulse is the zone named ``PULSE``."""

    id: str
    tick: int


class Gateway(msgspec.Struct, frozen=True):
    """A gateway's last sign of life, in server time.

    Two are none: ``EARS`` is when any gateway's heartbeat was last applied, ``CALM`` since when that happens without a
    pause.
    """

    id: str
    seen_ms: int
    sessions: int


class Membership(msgspec.Struct, frozen=True):
    """A player in a channel. ``id``: ``channel/player``."""

    id: str
    channel: str
    player: str


class ChatLine(msgspec.Struct, frozen=True):
    """A line in a channel's history. ``id`` is that of the event that said it."""

    id: str
    channel: str
    by: str
    text: str
    at_ms: int


PULSE = "*"
EARS = "*ears"
CALM = "*calm"

Thing = Account | Player | Creature | Session | ZoneClock | Gateway | Membership | ChatLine
