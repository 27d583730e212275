"""Reading what rules need: hardly more than one SELECT per table and batch, rows locked in the order of their ids.

Tables are locked in a fixed order too, and all that is written later is locked here or comes after it in that order, so
that no two transactions wait for each other (on PostgreSQL; SQLite has one writer at a time anyway):

entities in the order in which they are declared (``declare.entity.kinds``), components with their owners; then, when it
is saved, rows that are new, in the order of ``tables.in_order_of_saving``; dead_letters, outbox, unread, outcomes,
trials. Of a table all rows are locked at once, in the order of their ids. The sweep and what it prunes pass over what
others hold.

The parts of a record that a batch needs are one SELECT (``selects``), locked id by id; the rows of components that are
missing are made before (``_Loader._lock``). Surroundings that are acted on are found ahead of the locks (``nearby``).
"""

from collections.abc import Iterable
from typing import Any

from gameserver.declare.entity import records, stands_apart
from gameserver.maps.objects import World
from gameserver.rules.needs import Count, Listing, Matching, Merged, Wanted
from gameserver.rules.outcome import State
from gameserver.store import condition_sql, selects
from gameserver.store.found import Found
from gameserver.store.locked_rows import Claims
from gameserver.store.nearby import LookAhead, read_surroundings
from gameserver.store.outbox_reading import read_outbox
from gameserver.store.selects import Kind, Names, Parts
from gameserver.store.statements import Rows


def load(rows: Rows, needs: Merged, world: World, claims: Claims) -> State:
    """The state that a batch of rules works on; what of it was locked is added to ``claims``."""
    state = State(world)
    claims.ask(needs)
    loader = _Loader(Found(rows, state, claims), needs)
    loader.lock()
    loader.read()
    return state


class _Loader:
    def __init__(self, found: Found, needs: Merged) -> None:
        self._found = found
        self._needs = needs

    def lock(self) -> None:
        """Lock what is needed, kind by kind. Raises ``Retryable`` when a viewer was moved meanwhile."""
        needs = self._needs
        ahead = LookAhead(self._found, needs)
        for record in records():
            ahead.look(record)
            parts = tuple([kind for kind in record if kind in needs.rows])
            if parts:
                self._lock(parts)
            for matching in needs.matching.values():
                if matching.kind in record:
                    self._match(matching)
        ahead.check()

    def read(self) -> None:
        """Read what is needed without locks."""
        needs = self._needs
        for record in records() if needs.seen else ():
            parts = tuple(kind for kind in record if kind in needs.seen)
            if parts:
                names, values = _named(parts, needs.seen)
                self._found.read(parts, selects.rows(parts, names), **values)
        if needs.near:
            read_surroundings(self._found, needs.near)
        for listing in needs.listings:
            self._found.state.results[listing] = self._list(listing)
        if needs.columns or needs.counts:
            self._sum_up()
        if needs.mail or needs.mail_counts or needs.due_ms:
            read_outbox(self._found, needs)

    def _lock(self, parts: Parts) -> None:
        """Lock the parts of records.

        Where fewer are found than were named, the rows of components may be missing: they are made first. By another
        field than the id nobody can tell, and so they are made before.
        """
        names, values = _named(parts, self._needs.rows)
        apart = [part for part in parts if stands_apart(part)]
        named = values["v0"] if len(names) == 1 and names[0][1] == "id" else None
        if apart and named is None:
            self._complete(apart, names, values)
        found = self._found.rows.all(selects.rows_locked(parts, names), **values)
        self._found.hold(parts, found)
        if apart and named is not None and len(found) < len(named):
            missing = sorted({*named} - {row[0] for row in found})
            if self._complete(apart, names, {"v0": missing}):
                self._found.hold(parts, self._found.rows.all(selects.rows_locked(parts, names), v0=missing))

    def _complete(self, apart: Iterable[Kind], names: Names, values: dict[str, Any]) -> bool:
        """Make the rows of components that are missing. Return whether there are any."""
        return sum(self._found.rows.number_of(selects.completion(part, names), **values) for part in apart) > 0

    def _match(self, matching: Matching) -> None:
        values: list[Any] = []
        shape = condition_sql.shape(matching.condition, values)
        given = {condition_sql.Param(n).name: value for n, value in enumerate(values)}
        found = self._found.rows.all(selects.matching(matching.kind, shape, matching.most), **given)
        self._found.hold((matching.kind,), found)
        for field, kind in matching.bring:
            at = matching.kind.__struct_fields__.index(field)
            self._needs.want(kind, [row[at] for row in found])

    def _list(self, listing: Listing[Any]) -> tuple[Any, ...]:
        values = {f"v{n}": value for n, (_, value) in enumerate(listing.equal)}
        names = tuple(field for field, _ in listing.equal)
        after = {} if listing.last else {"after": listing.after}
        kind: Kind = listing.kind
        query = selects.listing(kind, listing.by, names, listing.last)
        found = [kind(*row) for row in self._found.rows.all(query, **values, **after, most=listing.most)]
        return tuple(reversed(found) if listing.last else found)

    def _sum_up(self) -> None:
        for column in self._needs.columns:
            query = selects.column(column.kind, column.field, column.when, column.most > 0)
            most = {"most": column.most} if column.most else {}
            self._found.state.results[column] = tuple(self._found.rows.column(query, **most))
        for (kind, when, field), values in self._needs.counts.items():
            ids = {"ids": sorted(values)} if field else {}
            for value, count in self._found.rows.all(selects.count(kind, when, field), **ids):
                self._found.state.results[Count(kind, when, field, value)] = count


def _named(parts: Parts, by_kind: dict[Kind, Wanted]) -> tuple[Names, dict[str, Any]]:
    """The fields (and conditions) that parts are looked for by, and the values of each by the name of its placeholder.

    Ids are those of the record, whichever part was named.
    """
    first = parts[0]
    if len(parts) == 1 and len(by_kind[first]) == 1:  # as a rule
        ((field, when), values), *_ = by_kind[first].items()
        return ((first, field, when),), {"v0": sorted(values)}
    wanted: dict[tuple[Kind, str, str], set[Any]] = {}
    for part in parts:
        for (field, when), values in by_kind[part].items():
            known = wanted.setdefault((first if (field, when) == ("id", "") else part, field, when), values)
            if known is not values:
                known.update(values)
    names = tuple(sorted(wanted, key=lambda name: (parts.index(name[0]), name[1:])))
    return names, {f"v{n}": sorted(wanted[name]) for n, name in enumerate(names)}
