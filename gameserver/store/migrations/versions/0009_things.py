"""things

Things that lie, are carried, or are kept somewhere.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LYING = sa.text("holder = '' AND zone != ''")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "things",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("count", NUMBER, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("x", NUMBER, nullable=False),
        sa.Column("y", NUMBER, nullable=False),
        sa.Column("lies_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("used", NUMBER, nullable=False),
        sa.Column("v", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=True,
    )
    op.create_index("things_holder", "things", ["holder"])
    for name, column in (("zone", "zone"), ("lies_until", "lies_until_ms")):
        op.create_index(f"things_{name}", "things", [column], sqlite_where=LYING, postgresql_where=LYING)


def downgrade() -> None:
    op.drop_table("things")
