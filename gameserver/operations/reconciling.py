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

from gameserver.messages.envelope import Envelope
from gameserver.modules.world.events import Show
from gameserver.rules.outcome import Needs, Waiting
from gameserver.store import Store, Transaction
from gameserver.world.maps import World
from gameserver.world.placing import Atlas, fingerprint
from gameserver.world.state import Creature, Player, Thing, ZoneClock

PORTION = 500
FACT = "world"  # under which the fingerprint of the world stands that was applied last


class _Misfits(msgspec.Struct, frozen=True):
    """How things of a kind are judged, and loaded with locks."""

    why: Callable[[Atlas, Any], str]
    needs: Callable[[tuple[str, ...]], Needs]


_KINDS: dict[type[Thing], _Misfits] = {
    Player: _Misfits(Atlas.misplaced, lambda ids: Needs(players=ids)),
    Creature: _Misfits(Atlas.superfluous, lambda ids: Needs(creatures=ids)),
    ZoneClock: _Misfits(Atlas.idle, lambda ids: Needs(clocks=ids)),
}


def is_applied(store: Store, world: World) -> bool:
    """Whether this world is the one that the database was last brought in line with."""
    return store.fact(FACT) == fingerprint(world)


def check(store: Store, world: World) -> Counter[str]:
    """What applying a world would do to the database now: sentences, and to how many."""
    atlas = Atlas(world)
    found: Counter[str] = Counter()
    for kind, misfits in _KINDS.items():
        for portion in _portions(store, kind):
            found.update(why for thing in portion if (why := misfits.why(atlas, thing)))
    return found


def apply(store: Store, world: World, now_ms: int) -> Counter[str]:
    """Do it. Returns the same."""
    atlas = Atlas(world)
    found: Counter[str] = Counter()
    for kind, misfits in _KINDS.items():
        for portion in _portions(store, kind):
            ids = tuple(thing.id for thing in portion if misfits.why(atlas, thing))
            if ids:
                found += _apply_portion(store, atlas, kind, ids, now_ms)
    store.set_fact(FACT, fingerprint(world))
    return found


def _portions(store: Store, kind: type[Thing]) -> Iterator[list[Any]]:
    """All things of a kind, some at a time, in the order of their ids."""
    after = ""
    while portion := store.portion(kind, after, PORTION):
        yield portion
        after = portion[-1].id


def _apply_portion(store: Store, atlas: Atlas, kind: type[Thing], ids: tuple[str, ...], now_ms: int) -> Counter[str]:
    """In one transaction; who moved by itself meanwhile is left where it is."""
    misfits = _KINDS[kind]
    with store.transaction() as transaction:
        things = transaction.load([misfits.needs(ids)]).things[kind]
        reasons = {id_: why for id_ in ids if id_ in things and (why := misfits.why(atlas, things[id_]))}
        found = [things[id_] for id_ in reasons]
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
