"""coins given

A purse remembers how many coins were given out of it. What deeds have counted so far is taken over.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# JSON is read as each database does.
TAKEN_OVER = {
    "sqlite": """
        UPDATE purses SET coins_given = CAST(json_extract(deeds.counts, '$.given') AS INTEGER)
        FROM deeds WHERE deeds.id = purses.id AND deeds.counts LIKE '%"given":%'
    """,
    "postgresql": """
        UPDATE purses SET coins_given = CAST(CAST(deeds.counts AS json) ->> 'given' AS bigint)
        FROM deeds WHERE deeds.id = purses.id AND deeds.counts LIKE '%"given":%'
    """,
}


def upgrade() -> None:
    op.add_column("purses", sa.Column("coins_given", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(TAKEN_OVER[op.get_bind().dialect.name])


def downgrade() -> None:
    op.drop_column("purses", "coins_given")
