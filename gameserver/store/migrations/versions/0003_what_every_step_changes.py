"""what every step changes

A player's place, pace and watermarks get rows of their own, narrow ones, which a batch reads, locks and writes at once.
Workers of the version before miss the columns they know and can do nothing: stop them first, events wait in the queue.
"""

from collections import defaultdict

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PRESENT = sa.text("gateway != ''")
MOVED = ("x", "y", "v", "steps_due_ms")
LANES = ("act", "talk", "trade")  # which every session had a mark in


def upgrade() -> None:
    _alone("sessions", "marks", "players")
    op.create_table(
        "whereabouts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column("v", sa.Integer(), nullable=False),
        sa.Column("steps_due_ms", sa.BigInteger(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO whereabouts SELECT id, x, y, v, steps_due_ms, '{}' FROM players ORDER BY id")
    _collect_marks()
    op.drop_table("marks")
    op.execute("ALTER TABLE outcomes RENAME COLUMN mark TO lane")
    op.drop_index("players_present", table_name="players")
    for column in ("strip", *MOVED):
        op.drop_column("players", column)
    op.create_index("players_present", "players", ["zone"], postgresql_where=PRESENT, sqlite_where=PRESENT)


def _alone(*tables: str) -> None:
    """Nobody may write what is moved. In the order in which workers lock; SQLite lets nobody else in anyway."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")


def _collect_marks() -> None:
    """A session that waits to be resumed keeps its marks, and its player knows whose they are."""
    connection = op.get_bind()
    op.execute("UPDATE players SET session = '' WHERE session <> '' AND session NOT IN (SELECT id FROM sessions)")
    marks: defaultdict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
    for id_, session, player, seq, stored in connection.execute(
        sa.text("SELECT m.id, s.id, s.player, m.seq, m.stored FROM marks m JOIN sessions s ON s.id = m.session")
    ):
        marks[player, session][id_.rpartition("/")[2]] = (seq, stored)
    rows = [
        {"player": player, "session": session, "marks": msgspec.json.encode(lanes).decode()}
        for (player, session), lanes in sorted(marks.items())
    ]
    if rows:
        known = "id = :player AND session IN ('', :session)"
        connection.execute(sa.text(f"UPDATE players SET session = :session WHERE {known}"), rows)  # noqa: S608
        theirs = "id = (SELECT id FROM players WHERE id = :player AND session = :session)"
        connection.execute(sa.text(f"UPDATE whereabouts SET marks = :marks WHERE {theirs}"), rows)  # noqa: S608


def downgrade() -> None:
    _alone("sessions", "players", "whereabouts")
    op.create_table(
        "marks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("marks_session", "marks", ["session"])
    _spread_marks()
    op.execute("ALTER TABLE outcomes RENAME COLUMN lane TO mark")
    op.drop_index("players_present", table_name="players")
    for column in MOVED:
        kind = sa.BigInteger() if column.endswith("_ms") else sa.Integer()
        op.add_column("players", sa.Column(column, kind, nullable=False, server_default="0"))
    values = ", ".join(f"{column} = whereabouts.{column}" for column in MOVED)
    op.execute(f"UPDATE players SET {values} FROM whereabouts WHERE whereabouts.id = players.id")  # noqa: S608
    op.execute("UPDATE players SET session = '' WHERE gateway = ''")
    op.drop_table("whereabouts")
    stored = op.get_bind().dialect.name == "postgresql"
    op.add_column("players", sa.Column("strip", sa.Integer(), sa.Computed("x >> 3", persisted=stored)))
    op.create_index("players_present", "players", ["zone", "strip"], postgresql_where=PRESENT, sqlite_where=PRESENT)


def _spread_marks() -> None:
    connection = op.get_bind()
    found = connection.execute(
        sa.text(
            "SELECT s.id, w.marks FROM sessions s JOIN players p ON p.session = s.id JOIN whereabouts w ON w.id = p.id"
        )
    ).all()
    rows = [
        {"id": f"{session}/{lane}", "session": session, "seq": seq, "stored": stored}
        for session, text in found
        for lane, (seq, stored) in sorted((dict.fromkeys(LANES, (0, 0)) | msgspec.json.decode(text)).items())
    ]
    if rows:
        connection.execute(sa.text("INSERT INTO marks VALUES (:id, :session, :seq, :stored)"), rows)
