"""What is built is drawn by every worker, in order, once a second, whichever worker it was built through."""

from collections.abc import Iterator
from typing import Any

import pytest

from gameserver.maps.objects import World
from gameserver.modules.building.entities import Builder, Change
from gameserver.modules.building.events import BuildWall, PlaceObject, RemoveObject
from gameserver.modules.building.maps import SETTLES_MS
from gameserver.modules.combat.entities import Creature
from gameserver.modules.movement.events import Move
from gameserver.operations import apply_maps
from gameserver.operations.current_maps import PORTION, REDRAW_MS, CurrentMaps
from gameserver.testing.two_zones import NOW_MS, WORLD, player
from tests.unit.processing.workshop import Workshop, reply

GM = player("Gm", x=2, y=15)
EVE = player("Eve", x=19, y=10)
FORGOTTEN = {"changes that the maps show by now are removed": 1}


class Worker:
    """A worker of its own, with its own connections to the database and its own maps."""

    def __init__(self, url: str) -> None:
        self.workshop = Workshop(url)
        self.maps = CurrentMaps(self.workshop.store, lambda: self.workshop.now_ms)

    def answer(self, body: Any, event: Any) -> Any:
        """Apply an event as a worker does, and return what its player is told."""
        self.maps.refresh()
        return reply(self.workshop.apply(self.workshop.tell(body, event)))

    @property
    def world(self) -> World:
        return self.workshop.store.world

    def later(self, ms: int = REDRAW_MS) -> None:
        self.workshop.now_ms += ms


@pytest.fixture
def workers(migrated_url: str) -> Iterator[tuple[Worker, Worker]]:
    one, two = Worker(migrated_url), Worker(migrated_url)
    one.workshop.enter(GM, EVE)
    one.workshop.put(Builder(id="gm", may_build=1))
    yield one, two
    for worker in (one, two):
        worker.workshop.store.close()


def test_what_is_built_through_one_worker_stops_who_walks_through_another(workers: tuple[Worker, Worker]) -> None:
    one, two = workers
    two.maps.refresh()
    assert one.answer(GM, BuildWall(zone="meadow", x=20, y=10, seq=1))["type"] == "ok"
    assert two.world.zones["meadow"].walkable(20, 10)
    two.later()
    assert two.answer(EVE, Move(dir="e", seq=1))["code"] == "wall"
    assert not two.world.zones["meadow"].walkable(20, 10)


def test_changes_through_several_workers_have_one_order_and_all_draw_the_same(workers: tuple[Worker, Worker]) -> None:
    one, two = workers
    deeds = [
        (one, BuildWall(zone="meadow", x=20, y=10, seq=1), "ok"),
        (two, BuildWall(zone="meadow", x=20, y=10, floor=True, seq=2), "ok"),
        (one, BuildWall(zone="meadow", x=20, y=10, floor=True, seq=3), "error"),
        (two, BuildWall(zone="meadow", x=20, y=10, seq=4), "ok"),
        (one, RemoveObject(zone="meadow", object="meadow.rat.1", seq=5), "ok"),
    ]
    for worker, event, answer in deeds:
        assert worker.answer(GM, event)["type"] == answer
    changes = one.workshop.store.later(Change, "n", 0, 10)
    assert [(change.id, change.n) for change in changes] == [("meadow/20.10", 3), ("meadow.rat.1", 4)]
    for worker in workers:
        worker.later()
        worker.maps.refresh()
    assert one.world == two.world != WORLD
    assert not one.world.zones["meadow"].walkable(20, 10)


def test_a_worker_that_begins_draws_all_and_maps_that_show_it_let_it_be_forgotten(
    workers: tuple[Worker, Worker], migrated_url: str
) -> None:
    one, _ = workers
    one.answer(GM, BuildWall(zone="meadow", x=20, y=10, seq=1))
    third = Worker(migrated_url)
    third.maps.refresh()
    drawn = third.world
    third.workshop.store.close()
    assert not drawn.zones["meadow"].walkable(20, 10)
    store, later_ms = one.workshop.store, NOW_MS + SETTLES_MS + 1
    assert apply_maps.check(store, WORLD, lambda: later_ms) == {}
    assert apply_maps.apply(store, drawn, lambda: later_ms) == FORGOTTEN
    assert one.workshop.store.later(Change, "n", 0, 10) == []


def test_who_is_where_only_builders_made_room_stays_there(workers: tuple[Worker, Worker]) -> None:
    """The maps' files show a wall there, and no place for that creature."""
    one, _ = workers
    store = one.workshop.store
    assert one.answer(GM, BuildWall(zone="meadow", x=5, y=5, floor=True, seq=1))["type"] == "ok"
    lair = PlaceObject(zone="meadow", x=22, y=10, kind="creature", properties='{"kind":"rat"}', seq=2)
    rat = Creature(id=one.answer(GM, lair)["data"]["id"], kind="rat", zone="meadow", x=22, y=10)
    one.workshop.enter(player("Ida", x=5, y=5))
    one.workshop.put(rat)
    assert apply_maps.check(store, WORLD, lambda: NOW_MS) == {}
    assert apply_maps.apply(store, WORLD, lambda: NOW_MS) == {}
    assert (one.workshop.player("ida").x, one.workshop.player("ida").y) == (5, 5)
    assert store.get(Creature, rat.id) == rat


def test_a_change_that_some_worker_may_not_have_drawn_is_not_forgotten(workers: tuple[Worker, Worker]) -> None:
    """A wall was built and at once taken away: the files show what is, and one worker has drawn the wall."""
    one, two = workers
    one.answer(GM, BuildWall(zone="meadow", x=20, y=10, seq=1))
    two.maps.refresh()
    one.answer(GM, BuildWall(zone="meadow", x=20, y=10, floor=True, seq=2))
    assert apply_maps.apply(one.workshop.store, WORLD, lambda: NOW_MS) == {}
    two.later()
    assert two.answer(EVE, Move(dir="e", seq=1))["type"] == "ok"
    assert apply_maps.apply(one.workshop.store, WORLD, lambda: NOW_MS + SETTLES_MS + 1) == FORGOTTEN


class Listed:
    """A data tier with changes in memory. ``asked``: after which numbers it was asked."""

    def __init__(self, changes: list[Change]) -> None:
        self.world = WORLD
        self.changes = changes
        self.asked: list[int] = []

    def later(self, kind: Any, by: str, after: int, most: int) -> list[Any]:
        self.asked.append(after)
        return [change for change in self.changes if change.n > after][:most]


def test_many_changes_are_read_in_portions_and_only_once() -> None:
    tiles = [(x, y) for x in range(8, 31) for y in range(11, 20)]
    at = [(n, *tiles[n % len(tiles)]) for n in range(1, PORTION + 11)]
    many = [Change(id=f"meadow/{n}", n=n, zone="meadow", what="wall", x=x, y=y) for n, x, y in at]
    listed, now_ms = Listed(many), NOW_MS
    maps = CurrentMaps(listed, lambda: now_ms)
    maps.refresh()
    maps.refresh()
    assert listed.asked == [0, PORTION]
    assert {*tiles} <= listed.world.zones["meadow"].walls
    now_ms += REDRAW_MS
    maps.refresh()
    assert listed.asked == [0, PORTION, PORTION + 10]
    now_ms -= 10 * REDRAW_MS  # a clock that is set back keeps nobody from asking
    maps.refresh()
    assert len(listed.asked) == 4
