"""what is over

Indexes by which the sweep finds what it removes, and who leaves a channel whether another is left. Workers of the
version before may go on; they remove nothing.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEXES = {
    "chat_lines_at": ("chat_lines", "at_ms"),
    "memberships_channel": ("memberships", "channel"),
    "trials_at": ("trials", "at_ms"),
}


def upgrade() -> None:
    for name, (table, column) in INDEXES.items():
        op.create_index(name, table, [column])


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
