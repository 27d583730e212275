"""looking by strips

Those present were found by ``x``, so that every step wrote the row's entries in all indexes anew. The database computes
the strip by itself: workers of the version before, who know nothing of it, may go on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PRESENT = sa.text("gateway != ''")


def upgrade() -> None:
    # PostgreSQL has indexes only on computed columns that are stored, SQLite adds only those that are not.
    stored = op.get_bind().dialect.name == "postgresql"
    op.add_column("players", sa.Column("strip", sa.Integer(), sa.Computed("x >> 3", persisted=stored)))
    _look_by("strip")


def downgrade() -> None:
    _look_by("x")
    op.drop_column("players", "strip")


def _look_by(column: str) -> None:
    op.drop_index("players_present", table_name="players")
    op.create_index("players_present", "players", ["zone", column], postgresql_where=PRESENT, sqlite_where=PRESENT)
