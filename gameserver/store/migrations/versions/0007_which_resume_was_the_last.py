"""which resume was the last

By the client's own count, which needs no clock. Workers of the version before may go on; they write none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    wide = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("sessions", sa.Column("attempt", wide, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("sessions", "attempt")
