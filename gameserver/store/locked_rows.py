"""What a transaction may write: what it has locked, and what is new.

To write an entity writes what was read of it. Read without a lock it may have changed since, and what another
transaction did to it would be undone: coins, for one. So an entity is written only if a selection that locks asked for
it; if that found nothing, it is new.
"""

from collections import defaultdict
from typing import Any

from gameserver.declare.entity import Entity, kinds
from gameserver.errors import Corrupt
from gameserver.rules.needs import Merged, covers

# What a transaction has locked: its rows as they stand in the database (a value for each field), by kind and id.
Held = defaultdict[type[Entity], dict[str, tuple[Any, ...]]]


class Claims:
    """What a transaction has asked for, what of it is locked (``held``), and what it saw without a lock."""

    def __init__(self) -> None:
        self.held: Held = defaultdict(dict)
        self.only_read: defaultdict[type[Entity], set[str]] = defaultdict(set)
        self._asked: list[Merged] = []

    def ask(self, needs: Merged) -> None:
        """These needs are loaded."""
        self._asked.append(needs)

    def asked(self, thing: Entity) -> bool:
        """Whether a selection that locks goes by this entity's id or another field of it."""
        return any(covers(asked, thing) for asked in self._asked) or self._is_of_who_is_new(thing)

    def _is_of_who_is_new(self, thing: Entity) -> bool:
        """Whether it is a component of an entity that was looked for in vain."""
        owner = thing.spec.of
        if owner is None or thing.id in self.held[owner] or thing.id in self.only_read[owner]:
            return False
        return any(thing.id in asked.rows.get(owner, {}).get(("id", ""), ()) for asked in self._asked)

    def is_made(self, thing: Entity) -> bool:
        """Whether an entity that is not held is new: then nothing of its id may be there."""
        return thing.spec.first_come or self.asked(thing)

    def check(self, thing: Entity) -> None:
        """Raises ``Corrupt`` ``not_locked`` for an entity that may not be written."""
        kind = type(thing)
        if kind not in kinds():
            raise Corrupt("not_locked", f"{kind.__name__} is no entity of this game: it stands in no entities.py.")
        is_new = self.asked(thing) and thing.id not in self.only_read[kind]
        if thing.id in self.held[kind] or thing.spec.blind or is_new:
            return
        raise Corrupt(
            "not_locked",
            f"{kind.__name__} {thing.id!r} is to be written and was not locked. Needs must name it: "
            f"ids({kind.__name__}, ...), or where({kind.__name__}, ...) with a field of it; "
            "what a rule finds near, near(..., lock_most=...).",
        )
