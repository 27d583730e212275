"""players of smaller games

What modules keep in players' rows has defaults in the database: a game that leaves a module out inserts players without
its columns, and where the module is added later they begin as they should. Workers of the version before may go on.
"""

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

DEFAULTS: dict[str, dict[str, int | str]] = {
    "players": {
        "zone": "",
        "hp": 100,
        "hp_max": 100,
        "attack": 10,
        "defence": 2,
        "xp": 0,
        "attack_due_ms": 0,
        "dead_until_ms": 0,
        "hit_ms": 0,
    },
    "whereabouts": {"x": 0, "y": 0, "v": 0, "steps_due_ms": 0},
}


def upgrade() -> None:
    for table, defaults in DEFAULTS.items():
        _set(table, {name: f"'{default}'" if default == "" else str(default) for name, default in defaults.items()})


def downgrade() -> None:
    for table, defaults in DEFAULTS.items():
        _set(table, dict.fromkeys(defaults, None))


def _set(table: str, defaults: Mapping[str, str | None]) -> None:
    """SQLite changes no column: the table is copied, rows narrow as they were."""
    kept_narrow = {"sqlite_with_rowid": False} if table == "whereabouts" else {}
    with op.batch_alter_table(table, table_kwargs=kept_narrow) as batch:
        for name, default in defaults.items():
            batch.alter_column(name, server_default=None if default is None else sa.text(default))
