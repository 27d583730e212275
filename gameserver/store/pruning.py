"""What the sweep does for the tables, in portions: what is over is removed, so that none grows for ever.

It passes over rows that others hold, and so waits for nobody and lets nobody wait for it; the next sweep is a second
away.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, update

from gameserver.store.statements import Rows, among, locked
from gameserver.store.tables import chat_lines, gateways, outbox, trials

PORTION_ROWS = 500
HOUR_MS = 3_600_000
GATEWAY_KEPT_MS = 6 * HOUR_MS  # since its last sign of life: longer than any clock is wrong
TRIAL_KEPT_MS = 24 * HOUR_MS  # since it was last tried: longer than any message travels
LINE_KEPT_MS = 30 * 24 * HOUR_MS
NEVER_MS = 2**62

_OWN = gateways.c.id.startswith("*")  # rows of the server's own, not of a gateway
_OVER = (
    (gateways, (gateways.c.seen_ms < bindparam("before")) & ~_OWN, GATEWAY_KEPT_MS),
    (trials, trials.c.at_ms < bindparam("before"), TRIAL_KEPT_MS),
    (chat_lines, chat_lines.c.at_ms < bindparam("before"), LINE_KEPT_MS),
)
_PRUNE = [
    (delete(table).where(locked(table, over, skip=True, most=PORTION_ROWS)), kept_ms) for table, over, kept_ms in _OVER
]
# One that was sent again meanwhile is due later, and no longer meant.
_ASIDE = among(outbox.c.id, "ids") & (outbox.c.due_ms <= bindparam("now_ms"))
_LAY_ASIDE = update(outbox).values(due_ms=NEVER_MS).where(locked(outbox, _ASIDE, skip=True))


def prune(rows: Rows, now_ms: int) -> None:
    """Remove a portion of what is over."""
    for statement, kept_ms in _PRUNE:
        rows.run(statement, before=now_ms - kept_ms)


def lay_aside(rows: Rows, ids: Sequence[str], now_ms: int) -> None:
    """Let mail of absent players wait until they come: who enters is sent it, and from then on it is due again."""
    if ids:
        rows.run(_LAY_ASIDE, ids=ids, now_ms=now_ms)
