"""The data tier as dictionaries, for simulation. Held to the contract of the real one (``test_contract``)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from gameserver.errors import Retryable
from gameserver.rules.outcome import KINDS_OF_THINGS, Needs, State, Waiting
from gameserver.store.loading import merge
from gameserver.store.store import DeadLetter, Stored, Trial
from gameserver.world.maps import World
from gameserver.world.state import Account, Gateway, Session, Thing


class MemoryStore:
    """Transactions that are all or nothing, because a broken one puts everything back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.things: dict[type[Thing], dict[str, Any]] = {kind: {} for kind in KINDS_OF_THINGS}
        self.outcomes: dict[tuple[str, int], Stored] = {}
        self.outbox: dict[str, tuple[Waiting, int]] = {}
        self.counts: dict[str, int] = {}
        self.letters: dict[str, DeadLetter] = {}

    @contextmanager
    def transaction(self, trial: Trial | None = None) -> Iterator["MemoryTransaction"]:
        """All of it or nothing, but ``trial``: that stays counted once it was begun, unless who tried gives way."""
        before = {name: copy(value) for name, value in vars(self).items() if isinstance(value, dict)}
        before["things"] = {kind: dict(rows) for kind, rows in self.things.items()}
        counted = trial is not None and trial.counted
        try:
            yield MemoryTransaction(self, self._world)
        except BaseException as error:
            vars(self).update(before)
            if trial is not None and trial.counted:
                self._settle(trial, counted, gives_way=isinstance(error, Retryable))
            raise

    def _settle(self, trial: Trial, counted: bool, *, gives_way: bool) -> None:
        """What a transaction that came to nothing leaves of its trial. ``counted``: it was before."""
        trial.counted = not gives_way
        self.counts[trial.id] = self.counts.get(trial.id, 0) + trial.counted - counted
        if not self.counts[trial.id]:
            del self.counts[trial.id]

    def account(self, player: str) -> Account | None:
        return self.things[Account].get(player)

    def session_by_token(self, token_hash: str) -> Session | None:
        found = [s for s in self.things[Session].values() if token_hash in (s.token, s.token_before)]
        return found[0] if found and token_hash else None

    def trials(self, ids: Sequence[str]) -> dict[str, int]:
        return {id_: self.counts[id_] for id_ in ids if id_ in self.counts}

    def begin_trial(self, id_: str, now_ms: int) -> int:
        with self.transaction() as transaction:
            return transaction.count_trial(id_, now_ms)

    def forget_trials(self, ids: Sequence[str]) -> None:
        with self.transaction() as transaction:
            transaction.forget_trials(ids)

    def dead_letters(self) -> list[DeadLetter]:
        return list(self.letters.values())

    def tidy(self) -> None:
        """Nothing ever needs it."""

    def published(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self.outbox.pop(id_, None)


class MemoryTransaction:
    """One batch's work."""

    def __init__(self, store: MemoryStore, world: World) -> None:
        self._store = store
        self._world = world

    def stored(self, lane: str, seq: int) -> bytes | None:
        found = [s.direct for s in self._store.outcomes.values() if (s.lane, s.seq) == (lane, seq)]
        return found[0] if found else None

    def waiting(self, ids: Sequence[str]) -> frozenset[str]:
        return frozenset(id_ for id_ in ids if id_ in self._store.outbox)

    def load(self, needs: Sequence[Needs]) -> State:
        state = State(self._world)
        need = merge(needs)
        things = self._store.things
        for thing in [thing for rows in things.values() for thing in rows.values()]:
            if self._is_needed(thing, need):
                state.put([thing])
        rows = [waiting for waiting, _ in self._store.outbox.values()]
        state.mail = {id_: tuple(w for w in rows if w.player == id_ and w.kind == "mail") for id_ in need.mail}
        state.mail_counts = {id_: sum(w.player == id_ for w in rows) for id_ in need.mail_counts}
        if need.orphans_before_ms:
            state.due = tuple(w for w, due_ms in self._store.outbox.values() if due_ms <= need.now_ms)
        return state

    def _is_needed(self, thing: Any, need: Needs) -> bool:
        """More may be loaded than is needed, and here it is: rules must not mind."""
        if isinstance(thing, Session):
            return self._is_needed_session(thing, need)
        return True

    def _is_needed_session(self, session: Session, need: Needs) -> bool:
        if session.id in need.sessions or session.player in need.sessions_of:
            return True
        if not need.orphans_before_ms:
            return False
        gateways = {g.id: g.seen_ms for g in self._store.things[Gateway].values()}
        silent = session.gateway != "" and gateways.get(session.gateway, 0) < need.orphans_before_ms
        return silent or 0 < session.expires_ms <= need.now_ms

    def save(self, put: Sequence[Thing], drop: Sequence[Thing]) -> None:
        for thing in put:
            self._store.things[type(thing)][thing.id] = thing
        for thing in drop:
            self._store.things[type(thing)].pop(thing.id, None)
            if isinstance(thing, Session):
                self._forget_session(thing.id)

    def _forget_session(self, id_: str) -> None:
        self._store.outcomes = {key: kept for key, kept in self._store.outcomes.items() if kept.session != id_}

    def keep(self, kept: Sequence[Stored]) -> None:
        for stored in kept:
            self._store.outcomes[stored.lane, stored.slot] = stored

    def add_waiting(self, rows: Sequence[Waiting], now_ms: int, due_ms: int) -> None:
        for row in rows:
            self._store.outbox.setdefault(row.id, (row, due_ms))

    def postpone_waiting(self, ids: Sequence[str], due_ms: int) -> None:
        for id_ in ids:
            if id_ in self._store.outbox:
                self._store.outbox[id_] = self._store.outbox[id_][0], due_ms

    def remove_waiting(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._store.outbox.pop(id_, None)

    def begin_trial(self, trial: Trial) -> None:
        if not trial.counted:
            self.count_trial(trial.id, trial.now_ms)
            trial.counted = True

    def count_trial(self, id_: str, now_ms: int) -> int:
        self._store.counts[id_] = self._store.counts.get(id_, 0) + 1
        return self._store.counts[id_]

    def forget_trials(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._store.counts.pop(id_, None)

    def add_dead(self, letter: DeadLetter) -> None:
        self._store.letters.setdefault(letter.id, letter)

    def take_dead(self, id_: str) -> DeadLetter | None:
        return self._store.letters.pop(id_, None)
