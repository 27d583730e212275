"""What is kept of who may enter, who is in, and through which gateway.

Times are milliseconds since 1970, 0 for never.
"""

from gameserver.game import Entity, Keep, Often, entity, test
from gameserver.rules.watermarks import NO_MARKS

HOUR_MS = 3_600_000
GATEWAY_KEPT_MS = 6 * HOUR_MS  # since its last sign of life: longer than any clock is wrong
EARS = "*ears"
CALM = "*calm"
PRESENT = test("gateway", "!=", "")


@entity(first_come=True)
class Account(Entity, frozen=True):
    """Who may enter as a player. ``id`` is the player's id, the name in small letters."""

    id: str
    name: str
    password_hash: str
    created_ms: int


@entity(
    session=True,
    added=("attempt",),
    indexes=("player", "gateway", "token", "token_before"),
)
class Session(Entity, frozen=True):
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


@entity(
    blind="a sign of life: the last one counts, and a lock would make all logins of a gateway wait for each other",
    sign_of_life="seen_ms",
    conditions={"own": test("id", "starts with", "*")},
    keep=Keep(by="seen_ms", for_ms=GATEWAY_KEPT_MS, unless="own"),
)
class Gateway(Entity, frozen=True):
    """A gateway's last sign of life, in server time.

    Two are none: ``EARS`` is when any gateway's heartbeat was last applied, ``CALM`` since when that happens without a
    pause.
    """

    id: str
    seen_ms: int
    sessions: int


# What each event of a player's changes stands in a narrow table: a step changes 40 bytes and no index. What a batch
# costs SQLite is above all the pages that it leaves to be written, and PostgreSQL a version of each row. Modules whose
# components change as often keep them there too (``within``).
@entity(actor=True, conditions={"present": PRESENT}, often=Often("whereabouts", ("marks",)))
class Player(Entity, frozen=True):
    """Who plays. ``gateway`` is "" while not in the world. What else is kept of a player are other modules' components.

    ``session``: the last one, "" once it is known to be over; ``marks``: its watermarks (``rules.watermarks``), which
    begin anew with another.
    """

    id: str
    name: str
    session: str = ""
    gateway: str = ""
    conn: str = ""
    marks: str = NO_MARKS

    @property
    def present(self) -> bool:
        """Whether the player is in the world."""
        return self.gateway != ""
