"""In which order rows are written: the one in which everybody locks them."""

from typing import Any

import pytest
from msgspec.structs import astuple, replace
from sqlalchemy.dialects import sqlite

from gameserver.declare.entity import record, sharing
from gameserver.modules.sessions.entities import Player
from gameserver.store.locked_rows import Claims
from gameserver.store.saving import _upsert, put_things
from gameserver.store.tables import outcomes
from gameserver.testing.two_zones import player
from gameserver.testing.whole_entities import parts_of


class Ids:
    """Takes what is written instead of a database, and keeps the rows' ids."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.written: list[str] = []

    def change(self, table: Any, columns: Any, rows: Any) -> None:
        self.changed += [row[-1] for row in rows]

    def add(self, each: Any, whole: Any, columns: Any, rows: Any) -> None:
        self.written += [row[0] for row in rows]


@pytest.mark.parametrize("known", [True, False])
def test_rows_are_written_in_the_order_of_their_ids(known: bool) -> None:
    bodies = [replace(player(), id=id_) for id_ in ("cyd", "ada", "bob")]
    claims = Claims()
    for kind in sharing(Player) if known else ():
        claims.held[kind] = {part.id: astuple(part) for body in bodies for part in body.parts if type(part) is kind}
    rows: Any = Ids()
    put_things(rows, parts_of(*(replace(body, x=body.x + 1) for body in bodies)), claims)
    assert rows.changed == (["ada", "bob", "cyd"] if known else [])
    # A player has two tables, and who is new a row in each table of what modules keep beside it.
    tables = {table for kind in record(Player) for table in kind.spec.tables}
    assert len(tables) > 2
    assert rows.written == ([] if known else len(tables) * ["ada", "bob", "cyd"])


def test_a_reply_that_takes_anothers_slot_writes_no_index() -> None:
    """Of two replies with one key only what may differ is written: SQLite writes anew each index that it names."""
    text = str(_upsert(outcomes).each.compile(dialect=sqlite.dialect()))
    _, _, replaced = text.partition("DO UPDATE SET ")
    assert replaced.count("excluded.") == 2
    assert not [column.name for index in outcomes.indexes for column in index.columns if f"{column.name} =" in replaced]
