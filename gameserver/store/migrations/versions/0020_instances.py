"""instances

Zones that are opened for a while.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "openings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("last", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=True,
    )
    op.create_table(
        "instances",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("gate_zone", sa.Text(), nullable=False),
        sa.Column("gate_x", NUMBER, nullable=False),
        sa.Column("gate_y", NUMBER, nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("empty_ms", sa.BigInteger(), nullable=False),
        sa.Column("closing", NUMBER, nullable=False),
        sa.Column("visitors", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=True,
    )
    op.create_index("instances_template", "instances", ["template"])


def downgrade() -> None:
    op.drop_table("instances")
    op.drop_table("openings")
