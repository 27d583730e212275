"""Spawn tables: which kinds come from a lair, how many, and how soon again. The data file "lairs"."""

from typing import Annotated

import msgspec

from gameserver.game import Dice, Record, misnamed, records
from gameserver.modules.combat.blows import drawn_ms
from gameserver.modules.combat.creature_kinds import KINDS, kind_of

LAIR_MAX = 12  # creatures of one lair
Weight = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]


class Table(Record, frozen=True, kw_only=True):
    """What comes from a lair: ``number`` creatures, each of one of the ``kinds``, by their weights.

    After its death each is replaced in ``respawn_s`` to ``respawn_most_s``; 0 for as long as its kind says.
    """

    kinds: dict[str, Weight]
    number: Annotated[int, msgspec.Meta(ge=1, le=LAIR_MAX)] = 1
    respawn_s: Seconds = 0
    respawn_most_s: Seconds = 0

    def problem(self) -> str:
        """What contradicts itself."""
        if not self.kinds:
            return "kinds: nothing comes from it"
        return "respawn_most_s: it is less than respawn_s" if 0 < self.respawn_most_s < self.respawn_s else ""


TABLES: dict[str, Table] = records("lairs", Table)


def check_table(table: Table) -> None:
    """Raise ``Corrupt`` ``bad_world`` where a table names what is not there."""
    for name in table.kinds:
        if name not in KINDS:
            misnamed("lairs", table, f"kinds: there is no creature {name!r}")


for _table in TABLES.values():
    check_table(_table)


def drawn_kind(table: Table, rng: Dice) -> str:
    """Draw a kind, by the weights."""
    if len(table.kinds) == 1:
        return next(iter(table.kinds))
    drawn = rng.randint(1, sum(table.kinds.values()))
    for name, weight in table.kinds.items():
        drawn -= weight
        if drawn <= 0:
            return name
    raise AssertionError("weights add up")


def drawn_respawn_ms(table: Table, rng: Dice) -> int:
    """Draw how long a creature of this table will stay dead; 0 for as long as its kind says."""
    return drawn_ms(table.respawn_s, table.respawn_most_s, rng) if table.respawn_s else 0


def most_respawn_ms(table: Table, kind: str) -> int:
    """How long one may stay dead at most."""
    said = table if table.respawn_s else kind_of(kind)
    return max(said.respawn_s, said.respawn_most_s) * 1_000
