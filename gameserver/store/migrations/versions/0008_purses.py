"""purses

Coins get rows of their own: a gift changes two purses, and neither's owner. Workers of the version before miss the
column that they know and can do nothing: stop them first, events wait in the queue.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _alone("players")
    op.create_table(
        "purses",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("coins", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO purses SELECT id, coins FROM players ORDER BY id")
    op.drop_column("players", "coins")


def downgrade() -> None:
    _alone("players", "purses")
    op.add_column("players", sa.Column("coins", sa.BigInteger(), nullable=False, server_default="100"))
    op.execute("UPDATE players SET coins = purses.coins FROM purses WHERE purses.id = players.id")
    op.drop_table("purses")


def _alone(*tables: str) -> None:
    """Nobody may write what is moved. In the order in which workers lock; SQLite lets nobody else in anyway."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
