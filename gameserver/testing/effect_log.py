"""What events did, written down in the transaction in which they did it: which of them, how often, and what changed.

Only tests apply events so: ``Applier.batch_transaction`` is ``AuditedBatch`` there. What is written down does
not come from watermarks or replies, which tests judge, and is lost or doubled only together with the effect itself.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, func, select

from gameserver.declare.conserved import quantities
from gameserver.declare.entity import Entity, kinds
from gameserver.processing.batch_transaction import BatchTransaction
from gameserver.processing.prepared_event import Prepared
from gameserver.rules.outcome import Outcome, State
from gameserver.store.engine import snapshot
from gameserver.store.selects import select_all
from gameserver.store.store import Transaction
from gameserver.store.tables import facts, outbox
from gameserver.testing.conservation import Amounts, amounts, changes, impossible, undeclared, unexplained

FACT = "audit "  # the names of the facts that hold entries begin so


class Entry(msgspec.Struct, frozen=True):
    """An event that took effect. ``changes``: what it made and destroyed, as (what, which of it, how much).

    ``at_ns``: in which order, of all processes of one machine. ``order``: its session and lane, "" for what has none;
    ``seq``: its number there.
    """

    id: str
    task: str
    at_ns: int
    order: str = ""
    seq: int = 0
    changes: tuple[tuple[str, str, int], ...] = ()


class AuditedBatch(BatchTransaction):
    """A batch that writes down what its events do. ``_keep`` says where."""

    # What it uses of a batch.
    _state: State
    _transaction: Transaction
    _seen: Amounts

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._entries: list[Entry] = []

    def _outcome(self, item: Prepared) -> Outcome:
        outcome = super()._outcome(item)
        self._seen = changes(self._state, outcome)
        return outcome

    def _play(self, item: Prepared) -> str:
        ended = super()._play(item)
        if ended == "ok" and (self._seen or item.marked or item.envelope.in_outbox):
            self._entries.append(_entry(item, self._seen))
        return ended

    def _save(self) -> None:
        super()._save()
        if self._entries:
            self._keep(self._entries)

    def _keep(self, entries: Sequence[Entry]) -> None:
        """Write entries into the database, as part of the transaction."""
        self._transaction.set_fact(f"{FACT}{uuid4().hex}", msgspec.json.encode(entries).decode())


def _entry(item: Prepared, changed: Amounts) -> Entry:
    order, seq = (item.order, item.event.seq) if item.marked else ("", 0)
    made = tuple((name, which, n) for (name, which), n in changed.items())
    return Entry(item.envelope.id, item.spec.task, time.monotonic_ns(), order, seq, made)


def repeated(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the events that took effect more than once, and how often each did."""
    return {id_: n for id_, n in Counter(entry.id for entry in entries).items() if n > 1}


def misdeeds(entries: Iterable[Entry], before: Amounts, kept: Amounts) -> Iterator[str]:
    """Find what is not conserved, a sentence each: events that may not, and rows that no event explains.

    ``before``: how much there was before the first entry; ``kept``: what there is now.
    """
    changed: Amounts = Counter()
    for entry in entries:
        mine = Counter({(name, which): n for name, which, n in entry.changes})
        changed.update(mine)
        yield from (f"{entry.id}: {fault}" for fault in undeclared(entry.task, mine))
    yield from unexplained(before, changed, kept)
    yield from impossible(kept)


def flows(entries: Iterable[Entry]) -> Counter[tuple[str, str]]:
    """Add up what events made of each quantity (and destroyed, below 0), by quantity and event."""
    found = Counter[tuple[str, str]]()
    for entry in entries:
        for name, _, n in entry.changes:
            found[name, entry.task] += n
    return found


class Books(msgspec.Struct, frozen=True):
    """What a database holds at one moment: what events wrote down, and how much there is of what is conserved."""

    entries: list[Entry]
    amounts: Amounts


def read_books(database_url: str) -> Books:
    """Read both at one moment, whoever writes meanwhile."""
    with snapshot(database_url) as connection:
        names = facts.c.id.startswith(FACT, autoescape=True)
        written = connection.scalars(select(facts.c.value).where(names))
        entries = [entry for text in written for entry in msgspec.json.decode(text, type=list[Entry])]
        return Books(entries, amounts(_holders(connection)))


def read_rows(database_url: str) -> dict[type[Entity], dict[str, Any]]:
    """Read every entity of the game by its kind and id, all at one moment."""
    with snapshot(database_url) as connection:
        return {kind: {row[0]: kind(*row) for row in connection.execute(select_all(kind))} for kind in kinds()}


def _holders(connection: Connection) -> Iterator[Entity]:
    """Every entity that holds something conserved."""
    kinds = dict.fromkeys(units.kind for made in quantities() for units in made.units)
    for kind in kinds:
        yield from (kind(*row) for row in connection.execute(select_all(kind)))


def waiting_rows(database_url: str) -> int:
    """Count what stands in the outbox."""
    with snapshot(database_url) as connection:
        return connection.scalar(select(func.count()).select_from(outbox)) or 0
