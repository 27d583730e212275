"""fights

What players wear and suffer beside their strength, duels, and what creatures are about, whose they are, who hurt them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PLAYERS = ("gear", "effects", "rival", "duel_zone")
CREATURES = ("mood", "owner", "effects", "wounds")
FIGHTING = sa.text("duel_zone != ''")
ABROAD = sa.text("owner != '' AND zone != ''")


def upgrade() -> None:
    for table, names in (("players", PLAYERS), ("creatures", CREATURES)):
        for name in names:
            op.add_column(table, sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("players", sa.Column("rival_until_ms", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("creatures", sa.Column("phase", NUMBER, nullable=False, server_default="0"))
    op.add_column("creatures", sa.Column("respawn_ms", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("players_duel", "players", ["duel_zone"], sqlite_where=FIGHTING, postgresql_where=FIGHTING)
    op.create_index("creatures_abroad", "creatures", ["zone"], sqlite_where=ABROAD, postgresql_where=ABROAD)


def downgrade() -> None:
    op.drop_index("creatures_abroad", "creatures")
    op.drop_index("players_duel", "players")
    for name in (*CREATURES, "phase", "respawn_ms"):
        op.drop_column("creatures", name)
    for name in (*PLAYERS, "rival_until_ms"):
        op.drop_column("players", name)
