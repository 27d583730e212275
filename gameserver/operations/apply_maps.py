"""The database brought in line with the world as it is drawn today.

Zones go, maps shrink, kinds are renamed, and bodies stand where they stood. A dry run tells what would be done; the
real one does it in portions, a transaction each, while players play, and may be ended and begun again at any time.
Workers never do it by themselves: while two versions of the world are served side by side they would take from each
other what they put. They live with whom they find (``State.zone``).

What does not fit, and what is done with it, the game's modules say (``rules.map_misfits``). Entities are judged by the
maps as they are played on: those of the files with what was built since (``rules.map_redraws``). Only what was built
itself is judged by the files alone: it may be forgotten when these show it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from gameserver.declare.base import Event
from gameserver.declare.entity import Entity
from gameserver.maps.objects import World
from gameserver.maps.world import fingerprint
from gameserver.messages.envelope import Envelope
from gameserver.operations.current_maps import CurrentMaps
from gameserver.rules.map_misfits import Fitting, fittings
from gameserver.rules.map_redraws import redrawings
from gameserver.rules.needs import ids
from gameserver.rules.outcome import Waiting
from gameserver.store import Store

PORTION = 500
FACT = "world"  # under which the fingerprint of the world stands that was applied last


def is_applied(store: Store, world: World) -> bool:
    """Whether this world is the one that the database was last brought in line with."""
    return store.fact(FACT) == fingerprint(world)


class _Judged:
    """A world with what was built since its files were written, read anew from the store as often as workers do."""

    def __init__(self, store: Store, world: World, now_ms: Callable[[], int]) -> None:
        self._files = world
        self._built = frozenset(redrawing.kind for redrawing in redrawings())
        self.world = world
        self.later = store.later
        self._maps = CurrentMaps(self, now_ms)

    def by(self, kind: type[Entity]) -> World:
        """The world by which entities of a kind are judged."""
        if kind in self._built:
            return self._files
        self._maps.refresh()
        return self.world


def check(store: Store, world: World, now_ms: Callable[[], int]) -> Counter[str]:
    """What applying a world would do to the database now: sentences, and to how many."""
    found: Counter[str] = Counter()
    judged = _Judged(store, world, now_ms)
    for fitting in fittings():
        for portion in _portions(store, fitting.kind):
            drawn = judged.by(fitting.kind)
            found.update(_misfits(store, fitting, drawn, portion, now_ms()).values())
    return found


def apply(store: Store, world: World, now_ms: Callable[[], int]) -> Counter[str]:
    """Do it. Returns the same."""
    found: Counter[str] = Counter()
    judged = _Judged(store, world, now_ms)
    for fitting in fittings():
        for portion in _portions(store, fitting.kind):
            drawn = judged.by(fitting.kind)
            misplaced = _misfits(store, fitting, drawn, portion, now_ms())
            if misplaced:
                found += _apply_portion(store, drawn, fitting, portion, misplaced, now_ms())
    store.set_fact(FACT, fingerprint(world))
    return found


def _portions(store: Store, kind: type[Entity]) -> Iterator[list[Any]]:
    """All things of a kind, some at a time, in the order of their ids."""
    after = ""
    while portion := store.portion(kind, after, PORTION):
        yield portion
        after = portion[-1].id


def _misfits(store: Store, fitting: Fitting, world: World, portion: list[Any], now_ms: int) -> dict[str, str]:
    """Why some of these can't stay, by their ids, and by what stands beside them."""
    known = {thing.id: thing for thing in portion}
    wanted = {other for thing in portion if (other := fitting.other(thing))}
    known |= {other: store.get(fitting.kind, other) for other in wanted - known.keys()}
    return _reasons(fitting, world, portion, known, now_ms)


def _reasons(
    fitting: Fitting, world: World, things: Iterable[Any], known: Mapping[str, Any], now_ms: int
) -> dict[str, str]:
    whys = {thing.id: fitting.why(world, thing, known.get(fitting.other(thing)), now_ms) for thing in things}
    return {id_: why for id_, why in whys.items() if why}


def _apply_portion(
    store: Store, world: World, fitting: Fitting, portion: list[Any], misplaced: Mapping[str, str], now_ms: int
) -> Counter[str]:
    """In one transaction; who moved by itself meanwhile is left where it is."""
    with store.transaction() as transaction:
        beside = [other for thing in portion if thing.id in misplaced and (other := fitting.other(thing))]
        needs = (ids(fitting.kind, *misplaced, *beside), *(ids(part, *misplaced) for part in fitting.components))
        state = transaction.load([needs])
        state.world = world
        things = state.of(fitting.kind)
        there = {id_: things[id_] for id_ in misplaced if id_ in things}
        reasons = _reasons(fitting, world, there.values(), things, now_ms)
        outcomes = {id_: fitting.cure(state, things[id_]) for id_ in reasons}
        put = [thing for outcome in outcomes.values() for thing in outcome.put]
        transaction.save(put, [thing for outcome in outcomes.values() for thing in outcome.drop])
        born = [_waiting(things[id_], event, now_ms) for id_, one in outcomes.items() for event in one.events]
        transaction.add_waiting(born, now_ms, now_ms)
    return Counter(reasons.values())


def _waiting(thing: Entity, event: Event, now_ms: int) -> Waiting:
    """An event of the server that is born of a cure. It goes where those of the thing's place go."""
    id_, place = f"{event.spec.name}:{thing.id}:{now_ms}", thing.spec.place
    shard_key = getattr(thing, place.zone) if place else ""
    envelope = Envelope(id=id_, event=event, at_ms=now_ms, in_outbox=True, shard_key=shard_key)
    return Waiting(id_, "event", "", msgspec.json.encode(envelope))
