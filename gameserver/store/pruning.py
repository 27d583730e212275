"""What the sweep does for the tables, in portions: what is over is removed, so that none grows for ever.

It passes over rows that others hold, and so waits for nobody and lets nobody wait for it; the next sweep is a second
away.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, delete, update

from gameserver.declare.entity import Entity, Keep, kinds
from gameserver.store import condition_sql
from gameserver.store.statements import Rows, among, locked
from gameserver.store.tables import NEVER_MS, by_name, outbox, tables_of, trials

PORTION_ROWS = 500
TRIAL_KEPT_MS = 24 * 3_600_000  # since it was last tried: longer than any message travels


def _prune(table: Table, over: Any) -> Any:
    return delete(table).where(locked(table, over, skip=True, most=PORTION_ROWS))


@cache
def _pruning() -> list[tuple[Any, int]]:
    """What removes what is over, and for how long that is kept."""
    found = [(_prune(trials, trials.c.at_ms < bindparam("before")), TRIAL_KEPT_MS)]
    kept = ((kind, kind.spec.keep) for kind in kinds())
    return found + [(_prune_entities(kind, keep), keep.for_ms) for kind, keep in kept if keep and keep.for_ms]


def _prune_entities(kind: type[Entity], keep: Keep) -> Any:
    named = by_name(kind)
    over = named[keep.by] < bindparam("before")
    if keep.unless:
        over &= ~condition_sql.declared(kind.spec.all_conditions[keep.unless], named)
    return _prune(tables_of(kind)[0], over)


# One that was sent again meanwhile is due later, and no longer meant.
_ASIDE = among(outbox.c.id, "ids") & (outbox.c.due_ms <= bindparam("now_ms"))
_LAY_ASIDE = update(outbox).values(due_ms=NEVER_MS).where(locked(outbox, _ASIDE, skip=True))


def prune(rows: Rows, now_ms: int) -> None:
    """Remove a portion of what is over."""
    for statement, kept_ms in _pruning():
        rows.run(statement, before=now_ms - kept_ms)


def lay_aside(rows: Rows, ids: Sequence[str], now_ms: int) -> None:
    """Let mail of absent players wait until they come: who enters is sent it, and from then on it is due again."""
    if ids:
        rows.run(_LAY_ASIDE, ids=ids, now_ms=now_ms)
