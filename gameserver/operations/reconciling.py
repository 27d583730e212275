"""The database brought in line with the world as it is drawn today.

Zones go, maps shrink, kinds are renamed, and bodies stand where they stood. A dry run tells what would be done; the
real one does it in portions, a transaction each, while players play, and may be ended and begun again at any time.
Workers never do it by themselves: while two versions of the world are served side by side they would take from each
other what they put. They live with whom they find (``State.zone``, ``kinds.kind_of``).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.declare.entity import Entity
from gameserver.maps.world import World
from gameserver.messages.envelope import Envelope
from gameserver.modules.movement.entities import Creature, Player
from gameserver.modules.world.entities import ZoneClock
from gameserver.modules.world.events import Show
from gameserver.modules.world.placing import Atlas, fingerprint
from gameserver.rules.needs import ids
from gameserver.rules.outcome import Waiting
from gameserver.store import Store, Transaction

PORTION = 500
FACT = "world"  # under which the fingerprint of the world stands that was applied last


# Why one of a kind can't stay as it is, "" when it can.
_MISFITS: dict[type[Entity], Callable[[Atlas, Any], str]] = {
    Player: Atlas.misplaced,
    Creature: Atlas.superfluous,
    ZoneClock: Atlas.idle,
}


def is_applied(store: Store, world: World) -> bool:
    """Whether this world is the one that the database was last brought in line with."""
    return store.fact(FACT) == fingerprint(world)


def check(store: Store, world: World) -> Counter[str]:
    """What applying a world would do to the database now: sentences, and to how many."""
    atlas = Atlas(world)
    found: Counter[str] = Counter()
    for kind, misfit in _MISFITS.items():
        for portion in _portions(store, kind):
            found.update(why for thing in portion if (why := misfit(atlas, thing)))
    return found


def apply(store: Store, world: World, now_ms: int) -> Counter[str]:
    """Do it. Returns the same."""
    atlas = Atlas(world)
    found: Counter[str] = Counter()
    for kind, misfit in _MISFITS.items():
        for portion in _portions(store, kind):
            misplaced = [thing.id for thing in portion if misfit(atlas, thing)]
            if misplaced:
                found += _apply_portion(store, atlas, kind, misplaced, now_ms)
    store.set_fact(FACT, fingerprint(world))
    return found


def _portions(store: Store, kind: type[Entity]) -> Iterator[list[Any]]:
    """All things of a kind, some at a time, in the order of their ids."""
    after = ""
    while portion := store.portion(kind, after, PORTION):
        yield portion
        after = portion[-1].id


def _apply_portion(store: Store, atlas: Atlas, kind: type[Entity], misplaced: list[str], now_ms: int) -> Counter[str]:
    """In one transaction; who moved by itself meanwhile is left where it is."""
    misfit = _MISFITS[kind]
    with store.transaction() as transaction:
        things = transaction.load([(ids(kind, *misplaced),)]).of(kind)
        reasons = {id_: why for id_ in misplaced if id_ in things and (why := misfit(atlas, things[id_]))}
        found: list[Any] = [things[id_] for id_ in reasons]
        if kind is Player:
            _move(transaction, atlas, found, now_ms)
        else:
            transaction.save([], found)
    return Counter(reasons.values())


def _move(transaction: Transaction, atlas: Atlas, players: list[Player], now_ms: int) -> None:
    """Put them where they may stand; those in the world are shown it, by an event of the server."""
    moved = []
    for player in players:
        zone, x, y = atlas.place(player)
        moved.append(replace(player, zone=zone, x=x, y=y, v=player.v + 1))
    transaction.save(moved, [])
    rows = [_shown(player, now_ms) for player in moved if player.present]
    transaction.add_waiting(rows, now_ms, now_ms)


def _shown(player: Player, now_ms: int) -> Waiting:
    id_ = f"show:{player.id}:{now_ms}"
    envelope = Envelope(id=id_, event=Show(player=player.id), at_ms=now_ms, in_outbox=True, shard_key=player.zone)
    return Waiting(id_, "event", "", msgspec.json.encode(envelope))
