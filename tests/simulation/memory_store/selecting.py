"""Select what is needed: by ids and fields, near somebody, in lists, in sums; locked or only read."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gameserver.declare.entity import actor_kind, records
from gameserver.declare.field_conditions import Condition, meets
from gameserver.maps.objects import World
from gameserver.rules.needs import Box, Count, Listing, Merged, Near, Needs, Wanted, merge
from gameserver.rules.outcome import State
from gameserver.store.locked_rows import Claims
from gameserver.store.nearby import nearest
from tests.simulation.memory_store.locking import RowLocks
from tests.simulation.memory_store.outbox import Outbox
from tests.simulation.memory_store.rows import Rows


class Selection:
    """What one transaction selects."""

    def __init__(self, maps: Callable[[], World], locks: RowLocks, rows: Rows, claims: Claims, outbox: Outbox) -> None:
        self._maps = maps
        self._locks = locks
        self._rows = rows
        self._claims = claims
        self._outbox = outbox

    def load(self, needs: Sequence[Needs]) -> State:
        wanted = merge(needs)
        self._claims.ask(wanted)
        self._outbox.sweep_ms = wanted.due_ms
        state = State(self._maps())
        ahead = [near for near in wanted.near if near.most]
        for whole in records():
            for near in [near for near in ahead if near.viewer in whole or not near.kinds.isdisjoint(whole)]:
                ahead.remove(near)
                self._look_ahead(wanted, near)
            parts = [kind for kind in whole if kind in wanted.rows]
            if parts:
                self._load(state, parts, partial(self._is_wanted, wanted.rows, parts))
            for need in [need for need in wanted.matching.values() if need.kind in whole]:
                self._load(state, [need.kind], partial(self._is_met, need.kind, need.condition), need.most)
                found = [state.of(need.kind)[id_] for id_ in self._claims.held[need.kind]]
                for field, brought in need.bring:
                    wanted.want(brought, [getattr(thing, field) for thing in found])
        for whole in records():
            parts = [kind for kind in whole if kind in wanted.seen]
            if parts:
                self._see(state, parts, partial(self._is_wanted, wanted.seen, parts))
        for near in wanted.near:
            self._surroundings(state, near)
        self._sum_up(state, wanted)
        receivers = self._outbox.read(state, wanted)
        if receivers:
            self._see(state, [actor_kind()], receivers.__contains__)
        return state

    def _is_wanted(self, wanted: dict[Any, Wanted], parts: Sequence[Any], id_: str) -> bool:
        """Whether a record has one of the values that any of its parts is wanted by."""
        named = [(kind, field, when, values) for kind in parts for (field, when), values in wanted[kind].items()]
        return any(self._has(kind, field, when, values, id_) for kind, field, when, values in named)

    def _has(self, kind: Any, field: str, when: str, values: set[Any], id_: str) -> bool:
        if field == "id" and not when:
            return id_ in values
        looked_into = field != "id" and field in kind.spec.types
        thing = self._rows.get(kind, id_) if looked_into else self._rows.part(kind, id_)
        return thing is not None and getattr(self._rows.with_owner(thing), field) in values and self._is_so(when, thing)

    def _is_so(self, when: str, thing: Any) -> bool:
        """Whether a thing meets one of its declared conditions."""
        return not when or self._meets(thing.spec.all_conditions[when], thing)

    def _is_met(self, kind: Any, condition: Condition, id_: str) -> bool:
        thing = self._rows.get(kind, id_)
        return thing is not None and self._meets(condition, thing)

    def _meets(self, condition: Condition, thing: Any) -> bool:
        return meets(condition, self._rows.with_owner(thing), self._rows.all)

    def _load(self, state: State, parts: Any, wanted: Callable[[str], bool], most: int | None = None) -> None:
        """SELECT ... ORDER BY id FOR UPDATE: a row that changed while one waited for it is looked at again."""
        self._locks.statement(f"lock {parts[0].__name__}")
        for id_ in sorted(thing.id for thing in self._rows.parts(parts[0]) if wanted(thing.id))[:most]:
            for kind in parts:
                self._locks.lock_next(kind, id_)
            if all(self._rows.part(kind, id_) is not None for kind in parts) and wanted(id_):
                for kind in parts:
                    self._hold(state, kind, id_)

    def _hold(self, state: State, kind: Any, id_: str) -> None:
        if self._rows.get(kind, id_) is None:
            self._rows.writes[kind, id_] = self._rows.part(kind, id_)
        self._claims.held[kind][id_] = ()
        state.put([self._rows.get(kind, id_)])

    def _see(self, state: State, parts: Any, wanted: Callable[[str], bool]) -> None:
        """SELECT, without locks."""
        self._locks.statement(f"read {parts[0].__name__}")
        ids = [thing.id for thing in self._rows.parts(parts[0]) if wanted(thing.id)]
        for kind in parts:
            self._claims.only_read[kind].update(ids)
            state.put([self._rows.part(kind, id_) for id_ in ids])

    def _look_ahead(self, wanted: Merged, near: Near) -> None:
        """What is to be locked of what somebody sees, read without locks."""
        viewer = self._rows.get(near.viewer, near.id)
        if viewer is None:
            return
        wanted.want(near.viewer, [viewer.id])
        for parts in near.parts:
            found = [thing for thing in self._rows.all(parts[0]) if self._stands_in(near.box(viewer), thing)]
            for kind in parts:
                wanted.want(kind, nearest(viewer, found, near.most))

    def _surroundings(self, state: State, near: Near) -> None:
        viewer = None if near.most else state.get(near.viewer, near.id)
        if viewer is not None:
            for parts in near.parts:
                box = near.box(viewer)
                found = {thing.id for thing in self._rows.all(parts[0]) if self._stands_in(box, thing)}
                self._see(state, parts, found.__contains__)

    def _stands_in(self, box: Box, thing: Any) -> bool:
        place, (zone, left, top, right, bottom) = thing.spec.place, box
        here = getattr(thing, place.zone) == zone and left <= getattr(thing, place.x) <= right
        return here and top <= getattr(thing, place.y) <= bottom and self._is_so(place.when, thing)

    def _sum_up(self, state: State, wanted: Merged) -> None:
        """The results of what is only read."""
        for listing in wanted.listings:
            self._locks.statement(f"read {listing.kind.__name__}")
            state.results[listing] = self._list(listing)
        for column in wanted.columns:
            self._locks.statement(f"read {column.kind.__name__}")
            every = [thing for thing in self._rows.parts(column.kind) if self._is_so(column.when, thing)]
            found = [getattr(self._rows.with_owner(thing), column.field) for thing in every]
            state.results[column] = tuple(sorted(found)[: column.most] if column.most else sorted(set(found)))
        for (kind, when, field), values in wanted.counts.items():
            self._locks.statement(f"read {kind.__name__}")
            found = [thing for thing in self._rows.parts(kind) if self._is_so(when, thing)]
            for value in values:
                number = sum(not field or getattr(self._rows.with_owner(thing), field) == value for thing in found)
                state.results[Count(kind, when, field, value)] = number

    def _list(self, listing: Listing[Any]) -> tuple[Any, ...]:
        def is_meant(thing: Any) -> bool:
            mine = all(getattr(thing, field) == value for field, value in listing.equal)
            return mine and (listing.last or getattr(thing, listing.by) > listing.after)

        found = [thing for thing in self._rows.all(listing.kind) if is_meant(thing)]
        found.sort(key=lambda thing: (getattr(thing, listing.by), thing.id))
        return tuple(found[-listing.most :] if listing.last else found[: listing.most])
