"""The tables: computed from the game's entities, a column for each field, and beside them the engine's own.

What of an entity changes together and often stands in rows of some 40 bytes, a hundred to a page, apart from what
seldom changes (``declare.entity.Often``): what a batch costs SQLite is above all the pages it leaves to be written, and
PostgreSQL a version of each row. Components that are declared ``within`` their owner have their columns in its tables.

Migrations (``migrations/``) make them; a test holds the two equal.
"""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Column, FromClause, Index, Integer, LargeBinary, MetaData, Table, Text

from gameserver.declare.entity import Entity, EntitySpec, default_of, kinds, records, sharing, stands_apart
from gameserver.store import condition_sql

_TABLES = MetaData()


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False)


# 64 bits on both: SQLite's integers have them, whatever their column's type is called.
_WIDE = BigInteger().with_variant(Integer(), "sqlite")


def _int(name: str) -> Column[int]:
    return Column(name, _WIDE, nullable=False)


def _ms(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


TOLD_BY_KEY = "told_by_key"  # marks a column that is the same in all rows that ever have a key

# The last outcomes of a lane, in a ring of ``outcomes_kept`` slots. The lane's name begins with its session.
outcomes = Table(
    "outcomes",
    _TABLES,
    _text("lane", key=True),
    Column("slot", _WIDE, primary_key=True, nullable=False, autoincrement=False),
    Column("session", Text, nullable=False, info={TOLD_BY_KEY: True}),
    _ms("seq"),
    Column("direct", LargeBinary, nullable=False),
)
Index("outcomes_session", outcomes.c.session)

# What must still reach someone; see ``rules.outcome.Waiting``. ``due_ms``: when to send it again. Two of these times
# never come: NEVER_MS for what waits until its receiver is there, UNTOLD_MS for what was never sent so far. They are
# told when their receiver enters, and then are due like others.
NEVER_MS = 2**62
UNTOLD_MS = NEVER_MS + 1
outbox = Table(
    "outbox",
    _TABLES,
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
trials = Table("trials", _TABLES, _text("id", key=True), _int("count"), _ms("at_ms"))
Index("trials_at", trials.c.at_ms)

# Events that were given up: what a game master needs to judge, mend and replay them.
dead_letters = Table(
    "dead_letters",
    _TABLES,
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
unread = Table("unread", _TABLES, _text("id", key=True), _ms("copy"), _ms("at_ms"))
Index("unread_at", unread.c.at_ms)

# What is true of the whole database; see ``operations.apply_maps``.
facts = Table("facts", _TABLES, _text("id", key=True), _text("value"))


@cache
def tables_of(kind: type[Entity]) -> tuple[Table, ...]:
    """The tables of an entity: its own (or its owner's), and that of what changes often."""
    if kind.spec.within and kind.spec.of is not None:
        return tuple(table for table in tables_of(kind.spec.of) if table.name in kind.spec.tables)
    together = sharing(kind)
    made = tuple(_table(together, name, first=name == kind.spec.table) for name in kind.spec.tables)
    for member in together:
        _add_indexes(member, made[0])
    return made


def _table(together: tuple[type[Entity], ...], name: str, *, first: bool) -> Table:
    """A table, with the columns of all entities that stand in its rows."""
    found = {field: _column(kind, field) for kind in together for field in kind.spec.tables.get(name, ())}
    # Narrow rows stand in the key's own tree: a step touches one page. SQLite's ordinary tables keep rows apart.
    return Table(name, _TABLES, *found.values(), sqlite_with_rowid=first)


def _add_indexes(kind: type[Entity], table: Table) -> None:
    for index in kind.spec.indexes:
        name = f"{table.name}_{index.name or '_'.join(index.columns)}"
        only = condition_sql.declared(kind.spec.all_conditions[index.when], table.c) if index.when else None
        Index(name, *(table.c[column] for column in index.columns), postgresql_where=only, sqlite_where=only)


def _column(kind: type[Entity], field: str) -> Column[Any]:
    spec = kind.spec
    default = str(default_of(kind, field)) if field in spec.added else None
    return Column(field, _type(spec, field), primary_key=field == "id", nullable=False, server_default=default)


def _type(spec: EntitySpec, field: str) -> Any:
    if spec.types[field] is int:
        return BigInteger() if field.endswith("_ms") or field in spec.big else _WIDE
    return Text() if spec.types[field] is str else LargeBinary()


@cache
def metadata() -> MetaData:
    """All tables: the engine's and the game's. Raises ``Corrupt`` where an entity is declared wrongly."""
    for kind in kinds():
        tables_of(kind)
    return _TABLES


@cache
def columns(kind: type[Entity]) -> tuple[Column[Any], ...]:
    """The columns of an entity's fields, in the fields' order, whichever table they stand in."""
    return tuple(next(t.c[name] for t in tables_of(kind) if name in t.c) for name in kind.spec.types)


@cache
def by_name(kind: type[Entity]) -> dict[str, Column[Any]]:
    """The same by the fields' names; of a component also those of its owner, and those that stand in the same rows."""
    own = dict(zip(kind.spec.types, columns(kind), strict=True))
    if kind.spec.of is None:
        return own
    beside = sharing(kind) if kind.spec.within else (kind.spec.of,)
    return {
        name: column for part in (*beside, kind) for name, column in zip(part.spec.types, columns(part), strict=True)
    }


@cache
def joined(parts: tuple[type[Entity], ...], named: tuple[Column[Any], ...] = ()) -> FromClause:
    """The tables of parts of a record as one, with those of some more columns: where every part is there."""
    tables = dict.fromkeys(table for part in parts for table in tables_of(part))
    first, *others = {**tables, **dict.fromkeys(column.table for column in named)}
    whole: FromClause = first
    for other in others:
        whole = whole.join(other, other.c.id == first.c.id)
    return whole


@cache
def joined_with_owner(parts: tuple[type[Entity], ...]) -> FromClause:
    """The same of all whose owner is there, though a part be missing."""
    owner = parts[0].spec.of or parts[0]
    whole = joined((owner,))
    key = tables_of(owner)[0].c.id
    for part in filter(stands_apart, parts):
        for table in tables_of(part):
            whole = whole.outerjoin(table, table.c.id == key)
    return whole


@cache
def in_order_of_saving() -> tuple[tuple[type[Entity], ...], ...]:
    """Entities in the order in which new ones are written, those together that stand in the same rows.

    Components come after their owners, and those that are written blind last.
    """
    ordered = sorted((kind for whole in records() for kind in whole), key=lambda kind: bool(kind.spec.blind))
    return tuple(sharing(kind) for kind in ordered if not kind.spec.within)
