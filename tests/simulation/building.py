"""Game masters who change the map while others play, operators who save it, and what must be true of both.

Each worker has maps of its own, which it draws as real ones do; one that dies begins with those of the files.
"""

from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import Any

from gameserver.declare.entity import Entity
from gameserver.maps.objects import World
from gameserver.modules.bank.maps import Chest
from gameserver.modules.bank.rules import in_chest
from gameserver.modules.building.entities import ALL, Builder, Change, Drawing
from gameserver.modules.building.maps import drawn
from gameserver.modules.combat.entities import Creature
from gameserver.modules.creatures.maps import superfluous
from gameserver.modules.items.entities import Item
from gameserver.modules.sessions.entities import Player
from gameserver.operations import apply_maps
from gameserver.operations.current_maps import CurrentMaps

ODDS = 0.5  # how likely one builds, of all that a game master does
MASTERS = 2  # of the players; the others try it, too
EVENTS = frozenset({"buildwall", "placeobject", "removeobject"})
# What rules say no with to who builds, or to who stands where something was built or taken away.
CODES = frozenset(
    {
        "bad_properties",
        "no_builder",
        "no_counter",
        "no_gate",
        "no_market",
        "no_such_kind",
        "no_such_object",
        "no_such_person",
        "no_such_shop",
        "no_such_zone",
        "no_workshop",
        "not_in_play",
        "nothing_to_change",
        "off_the_map",
        "person_elsewhere",
        "somebody_there",
        "unsound_map",
    }
)
PLACED = (
    ("sign", '{"text":"x"}'),
    ("sign", '{"text":""}'),
    ("creature", '{"kind":"rat"}'),
    ("chest", "{}"),
    ("dragon", "{}"),
)


def grant_roles(cluster: Any) -> None:
    """``gameserver roles grant``, for those who are to build, as soon as they are there."""
    things = cluster.store.things
    for player in cluster.players[:MASTERS]:
        if player.name in things[Player]:
            things[Builder][player.name] = Builder(id=player.name, may_build=1)


class Mason:
    """Chooses what a game master does next, of the map as it is."""

    def __init__(self, rng: Random, cluster: Any) -> None:
        self._rng = rng
        self._cluster = cluster

    def choose(self) -> tuple[str, dict[str, Any]]:
        """The next event and its fields."""
        zone = self._cluster.files.start
        what = self._rng.choice(("buildwall",) * 4 + ("placeobject",) * 3 + ("removeobject",) * 4 + ("survey",))
        if what == "survey":
            return what, {"zone": zone}
        if what == "removeobject":
            built = self._cluster.built().zones[zone].objects
            return what, {"zone": zone, "object": self._rng.choice([*(one.id for one in built), "field.sign.1"])}
        at = {"zone": zone, "x": self._rng.randint(0, 8), "y": self._rng.randint(0, 7)}
        if what == "buildwall":
            return what, {**at, "floor": self._rng.random() < 0.4}
        kind, properties = self._rng.choice(PLACED)
        return what, {**at, "kind": kind, "properties": properties}


class WorkersMaps:
    """What a worker knows of the maps: those of the files at its start, with what it has read since."""

    def __init__(self, cluster: Any, clock_ms: Any) -> None:
        self._cluster = cluster
        self._clock_ms = clock_ms
        self.later = cluster.store.later
        self.begin_anew()

    def begin_anew(self) -> None:
        """Its process starts: with the files as they are now."""
        self.world: World = self._cluster.files
        self._maps = CurrentMaps(self, self._clock_ms)

    def refresh(self) -> None:
        """Draw what was built since it looked."""
        self._maps.refresh()


# What operators do.


def save_maps(cluster: Any) -> None:
    """``gameserver world save``: the files show all that is built."""
    cluster.files = cluster.built()


def restart_workers(cluster: Any) -> None:
    """All workers begin anew, with the files as they are now; only then may changes be forgotten that these show."""
    for process in cluster.processes.all:
        cluster.processes.kill(process)
        process.maps.begin_anew()
    cluster.deployed = cluster.files


def apply_to_database(cluster: Any) -> None:
    """``gameserver world apply``, with the files that all workers have."""
    if not cluster.store.locks and not cluster.store.away:  # nobody is there who could wait for it
        apply_maps.apply(cluster.store, cluster.deployed, cluster.now_ms)


def save_and_apply(cluster: Any) -> None:
    """An operator goes through all of it, and what players build meanwhile comes in between."""
    save_maps(cluster)
    cluster.live(cluster.rng.choice((0.25, 1.0)))
    restart_workers(cluster)
    cluster.live(cluster.rng.choice((0.25, 1.0, 31.0)))
    apply_to_database(cluster)


# What must be true.


def lost(built: Iterable[Change], files: World, cluster: Any) -> Iterator[str]:
    """Find where the map is not what was built, one after the other, on the files of the beginning."""
    changes = list(built)
    numbers = [change.n for change in changes]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"changes of maps are numbered {numbers}"
    kept = cluster.store.things[Drawing].get(ALL, Drawing(id=ALL)).last
    if kept != len(numbers):
        yield f"{len(numbers)} changes of maps were made, and {kept} are counted"
    due = drawn(files, changes)
    yield from (f"the map {fault}, by what was built" for fault in _differences(due, cluster.built()))
    for process in cluster.processes.all:
        process.maps.refresh()
        yield from (f"{process.name}'s map {fault}" for fault in _differences(due, process.maps.world))


def _differences(due: World, there: World) -> Iterator[str]:
    for name, zone in due.zones.items():
        other = there.zones[name]
        yield from (f"has a wall too much or too little at {tile}" for tile in sorted(zone.walls ^ other.walls))
        yield from (f"shows {one.id} otherwise" for one in set(zone.objects) ^ set(other.objects))


def homeless(world: World, things: Mapping[type[Entity], Mapping[str, Any]]) -> Iterator[str]:
    """Find what is kept in objects that no map shows, and creatures without a place of theirs."""
    chests = {in_chest(placed.id) for zone in world.zones.values() for placed, _ in zone.placed(Chest)}
    kept = [item for item in things[Item].values() if item.holder.startswith(in_chest(""))]
    yield from (f"{item.id} is in {item.holder}, which no map shows" for item in kept if item.holder not in chests)
    wild = [one for one in things[Creature].values() if not one.owner and one.zone in world.zones]
    yield from (f"{one.id} is where it has no place: {why}" for one in wild if (why := superfluous(world, one)))
