"""wide integers

PostgreSQL's INTEGER has 32 bits, where SQLite's has 64: what one database took, the other refused. Workers of the
version before may go on; what they have prepared of the old shape is prepared anew on another connection.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NARROW = {
    "players": ("hp", "hp_max", "attack", "defence", "xp"),
    "whereabouts": ("x", "y", "v"),
    "creatures": ("x", "y", "v", "hp"),
    "gateways": ("sessions",),
    "outcomes": ("slot",),
    "trials": ("count",),
    "dead_letters": ("attempts",),
}


def upgrade() -> None:
    _become(sa.BigInteger())


def downgrade() -> None:
    _become(sa.Integer())


def _become(type_: sa.types.TypeEngine[int]) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in NARROW.items():
        changes = [f"ALTER COLUMN {name} TYPE {type_.compile()}" for name in columns]
        op.execute(f"ALTER TABLE {table} {', '.join(changes)}")  # the table is rewritten once, not for each column
