"""Read the outbox for a batch: a SELECT each for what waits for players, for how much that is, and for what is due.

Its rows are not locked here: who writes them does so after all entities, in the order that ``loading`` names.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from gameserver.declare.entity import actor_kind
from gameserver.rules.needs import Merged
from gameserver.rules.outcome import Waiting
from gameserver.store.found import Found
from gameserver.store.selects import rows
from gameserver.store.statements import among
from gameserver.store.tables import UNTOLD_MS, outbox

DUE_ROWS_MAX = 500

_IS_UNTOLD = outbox.c.due_ms == UNTOLD_MS
_WAITING = select(outbox.c.id, outbox.c.kind, outbox.c.player, outbox.c.body, _IS_UNTOLD)
_MAIL = _WAITING.where(outbox.c.kind == "mail", among(outbox.c.player, "ids")).order_by(
    outbox.c.created_ms, outbox.c.id
)
_MAIL_COUNTS = (
    select(outbox.c.player, func.count(), func.max(outbox.c.due_ms))
    .where(among(outbox.c.player, "ids"))
    .group_by(outbox.c.player)
)
# (With an addition the index of that column is no way to it: there stands all that nobody was told, whoever it is for.)
_UNTOLD = _WAITING.where(among(outbox.c.player, "ids"), outbox.c.due_ms + 0 == UNTOLD_MS).order_by(
    outbox.c.created_ms, outbox.c.id
)
_DUE = _WAITING.where(outbox.c.due_ms <= bindparam("now_ms")).order_by(outbox.c.due_ms).limit(DUE_ROWS_MAX)


def read_outbox(found: Found, needs: Merged) -> None:
    """Read what waits for players, how much that is, and what nobody has dealt with in time."""
    mail, counts = sorted(needs.mail), sorted(needs.mail_counts)
    if mail:
        found.state.mail = dict.fromkeys(mail, ()) | by_player(_waiting(found, _MAIL, ids=mail))
    if counts:
        _count_mail(found, counts)
    if needs.due_ms:
        found.state.due = _due(found, needs.due_ms)


def _count_mail(found: Found, players: Sequence[str]) -> None:
    """Count what waits for players, and read into which of it more may be merged."""
    counted = found.rows.all(_MAIL_COUNTS, ids=players)
    found.state.mail_counts.update((player, count) for player, count, _ in counted)
    found.state.untold = dict.fromkeys(players, ())
    with_untold = [player for player, _, latest_ms in counted if latest_ms == UNTOLD_MS]
    if with_untold:
        found.state.untold |= by_player(_waiting(found, _UNTOLD, ids=with_untold))


def _waiting(found: Found, query: Select[Any], **values: Any) -> list[Waiting]:
    return [Waiting(*row) for row in found.rows.all(query, **values)]


def _due(found: Found, now_ms: int) -> tuple[Waiting, ...]:
    """Outbox rows that nobody has dealt with in time. The mail of those who are absent is laid aside."""
    due = _waiting(found, _DUE, now_ms=now_ms)
    receivers = sorted({row.player for row in due if row.player})
    actors = actor_kind()
    if receivers:
        found.read((actors,), rows((actors,), ((actors, "id", ""),)), v0=receivers)
    here = {actor.id for actor in found.state.of(actors).values() if actor.gateway}
    found.state.laid_aside = tuple(row.id for row in due if row.kind == "mail" and row.player not in here)
    return tuple(row for row in due if row.kind != "mail" or row.player in here)


def by_player(waiting: Iterable[Waiting]) -> dict[str, tuple[Waiting, ...]]:
    """Sort rows of the outbox by their receivers, and leave them in their order."""
    found: defaultdict[str, list[Waiting]] = defaultdict(list)
    for row in waiting:
        found[row.player].append(row)
    return {player: tuple(rows) for player, rows in found.items()}
