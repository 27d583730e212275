"""The tables. Each kind of thing of ``world.state`` has its own, with a column for each field; the rest is bookkeeping.

A player has two. What every step changes stands in rows of some 40 bytes, a hundred to a page, apart from what seldom
changes: what a batch costs SQLite is above all the pages it leaves to be written, and PostgreSQL a version of each row.

Migrations (``migrations/``) make them; a test holds the two equal.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, FromClause, Index, Integer, LargeBinary, MetaData, Table, Text

from gameserver.world.state import (
    Account,
    ChatLine,
    Creature,
    Gateway,
    Membership,
    Player,
    Session,
    Thing,
    ZoneClock,
)

metadata = MetaData()


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False)


# 64 bits on both: SQLite's integers have them, whatever their column's type is called.
_WIDE = BigInteger().with_variant(Integer(), "sqlite")


def _int(name: str) -> Column[int]:
    return Column(name, _WIDE, nullable=False)


def _ms(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


accounts = Table("accounts", metadata, _text("id", key=True), _text("name"), _text("password_hash"), _ms("created_ms"))

players = Table(
    "players",
    metadata,
    _text("id", key=True),
    _text("name"),
    _text("zone"),
    _int("hp"),
    _int("hp_max"),
    _int("attack"),
    _int("defence"),
    _int("xp"),
    _ms("coins"),
    _ms("attack_due_ms"),
    _ms("dead_until_ms"),
    _ms("hit_ms"),
    _text("session"),
    _text("gateway"),
    _text("conn"),
)
# Only those present are looked for by place: the index stays as small as the crowd, however many accounts there are.
Index(
    "players_present",
    players.c.zone,
    postgresql_where=players.c.gateway != "",
    sqlite_where=players.c.gateway != "",
)

# The rest of a player. No index but the key, which a step leaves alone.
whereabouts = Table(
    "whereabouts",
    metadata,
    _text("id", key=True),
    _int("x"),
    _int("y"),
    _int("v"),
    _ms("steps_due_ms"),
    _text("marks"),
    sqlite_with_rowid=False,
)

creatures = Table(
    "creatures",
    metadata,
    _text("id", key=True),
    _text("kind"),
    _text("zone"),
    _int("x"),
    _int("y"),
    _int("v"),
    _int("hp"),
    _text("prey"),
    _ms("act_due_ms"),
    _ms("dead_until_ms"),
)
Index("creatures_zone", creatures.c.zone)

sessions = Table(
    "sessions",
    metadata,
    _text("id", key=True),
    _text("player"),
    _text("gateway"),
    _text("conn"),
    _text("token"),
    _text("token_before"),
    _ms("expires_ms"),
    _ms("since_ms"),
    Column("attempt", _WIDE, nullable=False, server_default="0"),  # workers of before 0007 do not name it
)
Index("sessions_player", sessions.c.player)
Index("sessions_gateway", sessions.c.gateway)
Index("sessions_token", sessions.c.token)
Index("sessions_token_before", sessions.c.token_before)

zone_clocks = Table("zone_clocks", metadata, _text("id", key=True), _ms("tick"))

gateways = Table("gateways", metadata, _text("id", key=True), _ms("seen_ms"), _int("sessions"))

memberships = Table("memberships", metadata, _text("id", key=True), _text("channel"), _text("player"))
Index("memberships_player", memberships.c.player)
Index("memberships_channel", memberships.c.channel)

chat_lines = Table(
    "chat_lines", metadata, _text("id", key=True), _text("channel"), _text("by"), _text("text"), _ms("at_ms")
)
Index("chat_lines_channel", chat_lines.c.channel, chat_lines.c.at_ms)
Index("chat_lines_at", chat_lines.c.at_ms)

# The last outcomes of a lane, in a ring of ``outcomes_kept`` slots.
outcomes = Table(
    "outcomes",
    metadata,
    _text("lane", key=True),
    Column("slot", _WIDE, primary_key=True, nullable=False, autoincrement=False),
    _text("session"),
    _ms("seq"),
    Column("direct", LargeBinary, nullable=False),
)
Index("outcomes_session", outcomes.c.session)

# What must still reach someone; see ``rules.outcome.Waiting``. ``due_ms``: when to send it again.
outbox = Table(
    "outbox",
    metadata,
    _text("id", key=True),
    _text("kind"),
    _text("player"),
    Column("body", LargeBinary, nullable=False),
    _ms("created_ms"),
    _ms("due_ms"),
)
Index("outbox_player", outbox.c.player)
Index("outbox_due", outbox.c.due_ms)

# How often an event was begun after it had failed once, so that one that kills its worker is counted too.
trials = Table("trials", metadata, _text("id", key=True), _int("count"), _ms("at_ms"))
Index("trials_at", trials.c.at_ms)

# Events that were given up: what a game master needs to judge, mend and replay them.
dead_letters = Table(
    "dead_letters",
    metadata,
    _text("id", key=True),
    _text("family"),
    _text("event"),
    _text("player"),
    _int("attempts"),
    _text("cause"),
    _text("traceback"),
    Column("envelope", LargeBinary, nullable=False),
    _ms("at_ms"),
    _ms("dead_ms"),
)
Index("dead_letters_dead", dead_letters.c.dead_ms)

# What another version of the code wrote and this one could not read, and put off: under which ``copy`` it waits (of a
# message there may be several), and since when.
unread = Table("unread", metadata, _text("id", key=True), _ms("copy"), _ms("at_ms"))
Index("unread_at", unread.c.at_ms)

# What is true of the whole database; see ``operations.reconciling``.
facts = Table("facts", metadata, _text("id", key=True), _text("value"))

TABLES: dict[type[Thing], tuple[Table, ...]] = {
    Account: (accounts,),
    Player: (players, whereabouts),
    Creature: (creatures,),
    Session: (sessions,),
    ZoneClock: (zone_clocks,),
    Gateway: (gateways,),
    Membership: (memberships,),
    ChatLine: (chat_lines,),
}


def columns(kind: type[Thing]) -> tuple[Column[Any], ...]:
    """The columns of a kind's fields, in the fields' order, whichever table they stand in."""
    return tuple(next(t.c[name] for t in TABLES[kind] if name in t.c) for name in kind.__struct_fields__)


def joined(kind: type[Thing]) -> FromClause:
    """A kind's tables as one."""
    first, *others = TABLES[kind]
    whole: FromClause = first
    for other in others:
        whole = whole.join(other, other.c.id == first.c.id)
    return whole
