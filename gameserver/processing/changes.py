"""What a batch writes: things that its events put and drop, folded into the state as they come."""

from collections import defaultdict
from typing import Any

from gameserver.declare.entity import Entity, actor_kind
from gameserver.rules.outcome import Outcome, State
from gameserver.store.store import Transaction


class Changes:
    """A batch's changes. The state shows them to the batch's later events."""

    def __init__(self, state: State, transaction: Transaction) -> None:
        self._things = state.things
        self._transaction = transaction
        self._held_rows = transaction.held
        self._changed: defaultdict[type[Entity], dict[str, None]] = defaultdict(dict)  # ids of what the state holds
        self._dropped: dict[tuple[type[Entity], str], Entity] = {}

    def fold(self, outcome: Outcome) -> None:
        """Take an outcome's changes into the state and into what is to be written.

        Raises what is wrong with them (what is changed must be locked, or new), and then takes none.
        """
        held = self._held_rows
        for thing in (*outcome.put, *outcome.drop) if outcome.drop else outcome.put:
            if thing.id not in held[type(thing)]:  # which hardly ever happens
                self._transaction.check_writable(thing)
        for thing in outcome.drop:
            self._drop(thing)
        for thing in outcome.put:
            kind, id_ = type(thing), thing.id
            self._things[kind][id_] = thing
            self._changed[kind][id_] = None
            if self._dropped:
                self._dropped.pop((kind, id_), None)

    def _drop(self, thing: Entity) -> None:
        kind, id_ = type(thing), thing.id
        self._things[kind].pop(id_, None)
        self._changed[kind].pop(id_, None)
        self._dropped[kind, id_] = thing

    @property
    def actors(self) -> tuple[dict[str, Any], dict[str, None]]:
        """The actors of the state, and the ids of those to be written."""
        kind = actor_kind()
        return self._things[kind], self._changed[kind]

    def save(self) -> None:
        """Write them."""
        things = self._things
        put = [things[kind][id_] for kind, ids in self._changed.items() for id_ in ids]
        self._transaction.save(put, list(self._dropped.values()))
