"""shelves

What shops have in stock.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LACKS = sa.text("stock < most")


def upgrade() -> None:
    op.create_table(
        "shelves",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("stock", NUMBER, nullable=False),
        sa.Column("most", NUMBER, nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=True,
    )
    op.create_index("shelves_due", "shelves", ["due_ms"], sqlite_where=LACKS, postgresql_where=LACKS)


def downgrade() -> None:
    op.drop_table("shelves")
