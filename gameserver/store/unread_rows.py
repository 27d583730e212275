"""What another version of the code wrote and this one can't read: it is put off until a process takes it that can.

Rows of the outbox stay where they are and come up again after a pause; messages go round through the longest delay. A
row that nobody could read for an hour becomes a dead letter with the row's own body, which ``gameserver dead replay``
puts back as it was. Messages are never given up: their sender waits for an answer.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, select, update

from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import Multicast
from gameserver.rules.outcome import Waiting
from gameserver.store import saving
from gameserver.store.statements import Rows, among, locked
from gameserver.store.tables import dead_letters, outbox, unread

PAUSE_MS = 30_000  # until a row is looked at again
KEPT_MS = 3_600_000  # until it becomes a dead letter
FRESH_MS = 120_000  # a copy that was not seen for so long is lost
FORGOTTEN_MS = 3_600_000  # what was not seen for so long was read by somebody
FAMILY = "outbox"  # of such dead letters; their event is the row's kind

_COPIES = select(unread.c.id, unread.c.copy, unread.c.at_ms).where(among(unread.c.id, "ids"))
_FORGET = delete(unread).where(locked(unread, unread.c.at_ms < bindparam("before_ms"), skip=True))
_WAITING = select(func.count()).select_from(unread).where(unread.c.at_ms >= bindparam("since_ms"))
_WRITTEN = select(outbox.c.id, outbox.c.created_ms).where(among(outbox.c.id, "ids"))
# Who holds a row deals with it: then it need not wait, and what is not removed now comes up again.
_FREE = locked(outbox, among(outbox.c.id, "ids"), skip=True)
_POSTPONE = update(outbox).values(due_ms=bindparam("later_ms")).where(_FREE)
_REMOVE = delete(outbox).where(_FREE)

_READERS: dict[str, Callable[[bytes], Any]] = {
    "mail": lambda body: body,  # a packet, which goes on as it is
    "talk": msgspec.msgpack.Decoder(Multicast).decode,
    "event": msgspec.json.Decoder(Envelope).decode,
}


def fault(row: Waiting) -> str:
    """Why this process can't read a row of the outbox; "" when it can."""
    reader = _READERS.get(row.kind)
    if reader is None:
        return f"no kind {row.kind!r} is known"
    try:
        reader(row.body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return str(error) or type(error).__name__
    return ""


def sort_out(due: Sequence[Waiting]) -> tuple[tuple[Waiting, ...], dict[Waiting, str]]:
    """The rows that can be read, and those that can't with what is wrong with each."""
    faults = {row: fault(row) for row in due}
    return tuple(row for row in due if not faults[row]), {row: why for row, why in faults.items() if why}


def count(rows: Rows, since_ms: int) -> int:
    """How much was put off since then, each counted once."""
    (found,) = rows.column(_WAITING, since_ms=since_ms)
    return int(found)


def going_on(rows: Rows, ids: Sequence[str], copy: int, now_ms: int) -> tuple[frozenset[str], int]:
    """Which of a message's events go round with it, and the number that it bears from now on (to be noted).

    Gateways and sweeps publish again what is not answered, so there may be any number of copies: one of each event goes
    round, the one whose number (``copy``, 0 for a message that was never put off) is noted. Others are dropped, unless
    that one was not seen for long.
    """
    known = {id_: (number, at_ms) for id_, number, at_ms in rows.all(_COPIES, ids=sorted(ids))}
    other = {id_ for id_, (number, at_ms) in known.items() if number != copy and now_ms - at_ms < FRESH_MS}
    return frozenset(ids) - other, max([copy, *(number for number, _ in known.values())]) + 1


def note(rows: Rows, ids: Sequence[str], number: int, now_ms: int) -> None:
    """Note that these wait; forget those that were read since."""
    saving.upsert(rows, unread, [(id_, number, now_ms) for id_ in sorted(ids)])
    rows.run(_FORGET, before_ms=now_ms - FORGOTTEN_MS)


def set_aside(rows: Rows, faults: dict[Waiting, str], now_ms: int) -> None:
    """Let rows of the outbox wait for another process; what waited too long becomes a dead letter."""
    written = dict(rows.all(_WRITTEN, ids=sorted(row.id for row in faults)))
    hopeless = {row: why for row, why in faults.items() if now_ms - written.get(row.id, now_ms) >= KEPT_MS}
    waiting = sorted(row.id for row in faults if row not in hopeless)
    saving.insert_new(rows, dead_letters, [_letter(row, why, written[row.id], now_ms) for row, why in hopeless.items()])
    rows.run(_REMOVE, ids=sorted(row.id for row in hopeless))
    rows.run(_POSTPONE, ids=waiting, later_ms=now_ms + PAUSE_MS)
    note(rows, waiting, 0, now_ms)


def _letter(row: Waiting, why: str, written_ms: int, now_ms: int) -> tuple[Any, ...]:
    """A dead letter's values: the row's own body stands in place of an envelope."""
    cause = f"no version of the code that runs here can read it: {why}".replace("\0", "?")
    return (row.id, FAMILY, row.kind, row.player, 0, cause, "", row.body, written_ms, now_ms)
