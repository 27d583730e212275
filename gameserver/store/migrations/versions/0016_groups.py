"""groups

Players who go together, and who is asked to.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "player_groups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=True,
    )
    op.create_table(
        "group_members",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("in_group", sa.Text(), nullable=False),
        sa.Column("look_ms", sa.BigInteger(), nullable=False),
        sa.Column("absences", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=True,
    )
    op.create_index("group_members_look", "group_members", ["look_ms"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=True,
    )


def downgrade() -> None:
    for table in ("invitations", "group_members", "player_groups"):
        op.drop_table(table)
