"""Keep what was found: rows become entities of the state, and claims say which of them are locked."""

from collections.abc import Iterable, Sequence
from itertools import starmap
from typing import Any

from sqlalchemy import Select

from gameserver.rules.outcome import State
from gameserver.store.locked_rows import Claims
from gameserver.store.selects import Kind, Parts
from gameserver.store.statements import Rows


class Found:
    """The state that a batch of rules works on, while it is read."""

    __slots__ = ("claims", "rows", "state")

    def __init__(self, rows: Rows, state: State, claims: Claims) -> None:
        self.rows = rows
        self.state = state
        self.claims = claims

    def hold(self, parts: Parts, rows: Sequence[tuple[Any, ...]]) -> None:
        """Keep the rows of records that are locked: they may be written."""
        ids = [row[0] for row in rows]  # an entity's id comes first
        held, things = self.claims.held, self.state.things
        for kind, part in _of_parts(parts, rows):
            held[kind].update(zip(ids, part, strict=True))
            things[kind].update(zip(ids, starmap(kind, part), strict=True))

    def read(self, parts: Parts, query: Select[Any], **values: Any) -> None:
        """Read records without locks: they may not be written."""
        for kind, rows in _of_parts(parts, self.rows.all(query, **values)):
            self.claims.only_read[kind].update(row[0] for row in rows)
            self.state.things[kind].update((row[0], kind(*row)) for row in rows)


def _of_parts(parts: Parts, rows: Sequence[tuple[Any, ...]]) -> Iterable[tuple[Kind, Sequence[tuple[Any, ...]]]]:
    """The rows of each part."""
    if len(parts) == 1:
        yield parts[0], rows
        return
    start = 0
    for kind in parts:
        end = start + len(kind.__struct_fields__)
        yield kind, [row[start:end] for row in rows]
        start = end
