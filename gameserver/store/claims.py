"""What a transaction may write: what it has locked, and what is new.

To write a thing writes what was read of it. Read without a lock it may have changed since, and what another transaction
did to it would be undone: coins, for one. So a thing is written only if it was asked for by a need that locks; if that
found nothing, it is new.
"""

from collections import defaultdict
from typing import Any

from gameserver.errors import Corrupt
from gameserver.rules.outcome import Needs
from gameserver.world.state import (
    Account,
    ChatLine,
    Creature,
    Gateway,
    Membership,
    Player,
    Session,
    Thing,
    ZoneClock,
)

# What a transaction has locked: its rows as they stand in the database (a value for each field), by kind and id.
Held = defaultdict[type[Thing], dict[str, tuple[Any, ...]]]

# The needs that lock things of a kind, each with the field that it goes by.
LOCKING: dict[type[Thing], tuple[tuple[str, str], ...]] = {
    Account: (("accounts", "id"),),
    Player: (("players", "id"),),
    Creature: (("creatures", "id"), ("zones", "zone")),
    Session: (("sessions", "id"), ("sessions_of", "player")),
    ZoneClock: (("clocks", "id"), ("zones", "id")),
    Membership: (("memberships_of", "player"),),
}
# Written without a look at what is there: nobody changes a field of it, everybody writes it whole.
BLIND: dict[type[Thing], str] = {
    Gateway: "a sign of life: the last one counts, and a lock would make all logins of a gateway wait for each other",
    ChatLine: "named after the event that said it, which nobody else writes",
}


class Claims:
    """What a transaction has asked for and locked."""

    def __init__(self) -> None:
        self.held: Held = defaultdict(dict)
        self._asked: list[Needs] = []

    def ask(self, needs: Needs) -> None:
        """These needs are loaded."""
        self._asked.append(needs)

    def asked(self, thing: Thing) -> bool:
        """Whether a need that locks goes by this thing's id, player or zone."""
        needs = LOCKING.get(type(thing), ())
        return any(getattr(thing, field) in getattr(asked, need) for asked in self._asked for need, field in needs)

    def is_made(self, thing: Thing) -> bool:
        """Whether a thing that is not held is new: then nothing of its id may be there.

        An account always is. A name belongs to whoever came first.
        """
        return type(thing) is Account or self.asked(thing)

    def check(self, thing: Thing) -> None:
        """Raises ``Corrupt`` ``not_locked`` for a thing that may not be written."""
        kind = type(thing)
        if kind not in LOCKING and kind not in BLIND:
            raise Corrupt("not_locked", f"{kind.__name__} is no kind of thing that is kept.")
        if thing.id in self.held[kind] or kind in BLIND or self.asked(thing):
            return
        ways = " or ".join(f"{need} with its {field}" for need, field in LOCKING[kind])
        raise Corrupt(
            "not_locked",
            f"{kind.__name__} {thing.id!r} is to be written and was not locked. Needs must name it: {ways}; "
            "whom a rule finds around, around_locked.",
        )
