"""Building: one change at a time, by game masters alone, and only what leaves the maps sound."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import NotNow, Rejected
from gameserver.maps.objects import Placed as MapPlaced
from gameserver.maps.objects import World
from gameserver.modules.building.entities import ALL, Builder, Change, Drawing
from gameserver.modules.building.events import (
    BuildWall,
    Built,
    ClearWall,
    Placed,
    PlaceObject,
    RemoveObject,
    Signs,
    Survey,
    TendBuilding,
    Unplaced,
    Walled,
)
from gameserver.modules.building.maps import SETTLES_MS, Sign, drawn, read, superfluous
from gameserver.modules.building.rules import CHANGES_MAX, EVERY_CHANGE, RECENT
from gameserver.modules.combat.entities import Creature
from gameserver.modules.creatures.maps import Lair, ids_of
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Chart, Look, Move, Show, Vanished
from gameserver.modules.movement.maps import Portal
from gameserver.rules.outcome import State
from gameserver.testing import two_zones
from gameserver.testing.two_zones import NOW_MS, WORLD, circumstances, fold, play, player, told
from gameserver.testing.whole_entities import Whole

GM, BOB = player("Gm", x=14, y=14), player("Bob", x=12, y=10)
MASTER = Builder(id="gm", may_build=1)
WALL = BuildWall(zone="meadow", x=20, y=10)
SIGN = PlaceObject(zone="meadow", x=21, y=10, kind="sign", properties='{"text":"Hello"}')


def scene(*things: Any, world: World = WORLD) -> State:
    return _listed(two_zones.state(GM, BOB, MASTER, *things, world=world))


def _listed(where: State) -> State:
    changes = tuple(sorted(where.of(Change).values(), key=lambda change: change.n))
    where.results |= {EVERY_CHANGE: changes, RECENT: changes[-50:]}
    return where


def do(where: State, event: Any, who: Whole = GM, id_: str = "e1") -> Any:
    outcome = play(event, where, circumstances(who, id=id_))
    fold(where, outcome)
    _listed(where)
    return outcome


def refusal(where: State, event: Any, who: Whole = GM) -> str:
    with pytest.raises(Rejected) as refused:
        play(event, where, circumstances(who))
    assert refused.value.message
    return refused.value.code


def shown(where: State) -> World:
    """The maps as a worker draws them that has read all changes."""
    return drawn(where.world, where.results[EVERY_CHANGE])


def test_all_creatures_of_a_lair_go_with_it_and_what_they_have_summoned_and_no_others() -> None:
    placed = MapPlaced("meadow.rats.50", 20, 15, Lair(lair="rats"))
    meadow = WORLD.zones["meadow"]
    world = replace(WORLD, zones={**WORLD.zones, "meadow": replace(meadow, objects=(*meadow.objects, placed))})
    mine = [*ids_of(placed, Lair(lair="rats")), "meadow.rats.50.2+1"]
    others = ["meadow.rats.5", "meadow.rats.51", "meadow.rats.501.2", "gm.companion.1"]
    where = scene(*(Creature(id_, "rat", "meadow", 20, 15, hp=5) for id_ in (*mine, *others)), world=world)
    outcome = do(where, RemoveObject(zone="meadow", object=placed.id))
    assert sorted(where.of(Creature)) == sorted(others)
    assert len([one for one in told(outcome) if isinstance(one, Vanished)]) == len(mine)


def test_a_wall_is_seen_by_all_in_the_zone_and_nobody_walks_there() -> None:
    where = scene()
    outcome = do(where, WALL)
    assert outcome.result == Built(id="meadow/20.10")
    assert told(outcome) == [Walled(zone="meadow", x=20, y=10, wall=True)]
    assert outcome.notifications[0].to == ("zone.meadow",)
    where.world = shown(where)
    beside = player("Eve", x=19, y=10)
    where.put(beside.parts)
    with pytest.raises(Rejected) as refused:
        play(Move(dir="e"), where, circumstances(beside))
    assert refused.value.code == "wall"
    assert (
        play(Chart(), where, circumstances(beside)).result.walls
        != play(Chart(), scene(beside), circumstances(beside)).result.walls
    )


def test_a_wall_is_taken_away_that_a_map_shows_or_somebody_built() -> None:
    where = scene()
    do(where, BuildWall(zone="meadow", x=5, y=5, floor=True))
    do(where, WALL)
    do(where, replace(WALL, floor=True))
    assert shown(where).zones["meadow"].walls == {(6, 5), (7, 5)}
    assert {change.id: (change.what, change.n) for change in where.of(Change).values()} == {
        "meadow/5.5": ("floor", 1),
        "meadow/20.10": ("floor", 3),
    }


def test_objects_of_declared_classes_are_placed_seen_and_removed() -> None:
    where = scene()
    outcome = do(where, SIGN)
    id_ = outcome.result.id
    assert told(outcome) == [Placed(zone="meadow", id=id_, kind="sign", x=21, y=10)]
    assert shown(where).zones["meadow"].on(Sign, 21, 10) == Sign(text="Hello")
    lair = do(where, PlaceObject(zone="meadow", x=22, y=10, kind="creature", properties='{"kind":"rat"}')).result.id
    assert lair.startswith("meadow.rat.")
    assert shown(where).zones["meadow"].on(Lair, 22, 10) == Lair("rat")
    way = PlaceObject(zone="meadow", x=23, y=10, kind="portal", properties='{"zone":"town","x":2,"y":2}')
    assert told(do(where, way))[0].leads_to == "town"
    assert shown(where).zones["meadow"].on(Portal, 23, 10) == Portal("town", 2, 2)
    assert told(do(where, RemoveObject(zone="meadow", object=id_))) == [Unplaced(zone="meadow", id=id_, x=21, y=10)]
    assert shown(where).zones["meadow"].on(Sign, 21, 10) is None


def test_a_creature_goes_with_its_place() -> None:
    rat = Creature(id="meadow.rat.1", kind="rat", zone="meadow", x=12, y=13)
    where = scene(rat)
    outcome = do(where, RemoveObject(zone="meadow", object=rat.id))
    assert where.of(Creature) == {}
    assert [type(one) for one in told(outcome)] == [Unplaced, Vanished]


def test_two_at_the_same_time_are_one_after_the_other_whatever_maps_their_workers_know() -> None:
    where = scene()
    do(where, WALL)
    assert where.world.zones["meadow"].walkable(20, 10)  # this worker has not drawn it
    assert refusal(where, WALL) == "nothing_to_change"
    assert (
        refusal(where, PlaceObject(zone="meadow", x=20, y=10, kind="sign", properties='{"text":"x"}')) == "unsound_map"
    )
    assert where.of(Drawing)[ALL].last == 1


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (BuildWall(zone="nowhere", x=1, y=1), "no_such_zone"),
        (BuildWall(zone="cave#1", x=1, y=1), "no_such_zone"),
        (BuildWall(zone="meadow", x=32, y=1), "off_the_map"),
        (BuildWall(zone="meadow", x=1, y=20), "off_the_map"),
        (BuildWall(zone="meadow", x=12, y=10), "somebody_there"),
        (BuildWall(zone="meadow", x=5, y=5), "nothing_to_change"),
        (BuildWall(zone="meadow", x=1, y=1, floor=True), "nothing_to_change"),
        (BuildWall(zone="meadow", x=31, y=10), "unsound_map"),  # a portal
        (BuildWall(zone="meadow", x=30, y=10), "unsound_map"),  # where one comes from the town
        (BuildWall(zone="meadow", x=12, y=12), "unsound_map"),  # a creature's place
        (PlaceObject(zone="meadow", x=12, y=10, kind="sign", properties='{"text":"x"}'), "somebody_there"),
        (PlaceObject(zone="meadow", x=31, y=10, kind="sign", properties='{"text":"x"}'), "unsound_map"),
        (PlaceObject(zone="meadow", x=5, y=5, kind="sign", properties='{"text":"x"}'), "unsound_map"),
        (PlaceObject(zone="meadow", x=1, y=1, kind="dragon"), "no_such_kind"),
        (PlaceObject(zone="meadow", x=1, y=1, kind="sign"), "bad_properties"),
        (PlaceObject(zone="meadow", x=1, y=1, kind="sign", properties='{"text":""}'), "bad_properties"),
        (
            PlaceObject(zone="meadow", x=1, y=1, kind="sign", properties='{"text":"x","__class__":"y"}'),
            "bad_properties",
        ),
        (PlaceObject(zone="meadow", x=1, y=1, kind="sign", properties='{"text":7}'), "bad_properties"),
        (PlaceObject(zone="meadow", x=1, y=1, kind="sign", properties="]["), "bad_properties"),
        (PlaceObject(zone="meadow", x=1, y=1, kind="creature", properties='{"kind":"moth"}'), "bad_properties"),
        (PlaceObject(zone="meadow", x=1, y=1, kind="portal", properties='{"zone":"town","x":0,"y":0}'), "unsound_map"),
        (PlaceObject(zone="meadow", x=1, y=1, kind="portal", properties='{"zone":"moon","x":0,"y":0}'), "unsound_map"),
        (PlaceObject(zone="meadow", x=1, y=1, kind="chest", properties="{}"), "not_in_play"),
        (RemoveObject(zone="meadow", object="meadow.sign.99"), "no_such_object"),
        (RemoveObject(zone="meadow", object="meadow.portal.5"), "unsound_map"),  # the only way to the town
    ],
)
def test_what_would_leave_a_map_unsound_is_refused_and_changes_nothing(event: Any, code: str) -> None:
    assert refusal(scene(), event) == code


@pytest.mark.parametrize(
    "event", [WALL, SIGN, RemoveObject(zone="meadow", object="meadow.rat.1"), Survey(zone="meadow")]
)
def test_only_game_masters_build(event: Any) -> None:
    assert refusal(scene(), event, BOB) == "no_builder"
    with pytest.raises(NotNow):
        play(event, scene(), circumstances(player("Nobody")))


def test_no_more_is_changed_than_can_be_saved() -> None:
    many = (Change(id=f"meadow/{n}", n=n, zone="meadow", what="floor", x=1, y=1) for n in range(1, CHANGES_MAX + 1))
    assert refusal(scene(*many, Drawing(id=ALL, last=CHANGES_MAX)), WALL) == "too_many_changes"


def test_game_masters_see_what_stands_in_a_zone() -> None:
    where = scene()
    do(where, SIGN)
    found = do(where, Survey(zone="meadow")).result
    assert found.changes == 1
    assert {(one.kind, one.x, one.y) for one in found.objects} >= {("sign", 21, 10), ("creature", 12, 12)}


def test_who_walked_into_a_wall_that_its_worker_did_not_know_stands_beside_it() -> None:
    inside = player("Eve", x=20, y=10)
    where = scene()
    do(where, WALL)
    where.put(inside.parts)
    assert play(TendBuilding(n=1), where, circumstances(now_ms=NOW_MS + SETTLES_MS + 1)).events == ()
    (clear,) = play(TendBuilding(n=1), where, circumstances()).events
    assert clear == ClearWall(zone="meadow", x=20, y=10)
    outcome = do(where, clear)
    eve = where.of(Body)["eve"]
    assert (eve.x, eve.y) != (20, 10)
    assert max(abs(eve.x - 20), abs(eve.y - 10)) == 1
    assert outcome.events == (Show(player="eve"),)
    assert do(where, clear).put == ()


def test_signs_are_read_by_those_who_look() -> None:
    where = scene()
    do(where, SIGN)
    where.world = shown(where)
    reader = player("Eve", x=19, y=10)
    where.put(reader.parts)
    assert Signs(texts=["Hello"]) in told(play(Look(), where, circumstances(reader)))
    far = player("Far", x=1, y=1)
    where.put(far.parts)
    assert not [one for one in told(play(Look(), where, circumstances(far))) if isinstance(one, Signs)]


def test_a_change_that_the_maps_show_is_forgotten_and_one_that_they_do_not_is_kept() -> None:
    where = scene()
    do(where, WALL)
    (change,) = where.of(Change).values()
    assert not superfluous(WORLD, change)
    assert "show by now" in superfluous(shown(where), change)
    assert "gone" in superfluous(World(zones={"town": WORLD.zones["town"]}, start="town"), change)


def test_what_another_version_built_and_this_one_does_not_know_is_left_out() -> None:
    changes = [
        Change(id="meadow.dragon.9", n=1, zone="meadow", what="object", x=1, y=1, kind="dragon"),
        Change(id="meadow/1.1", n=2, zone="meadow", what="lava", x=1, y=1),
        Change(id="moon/1.1", n=3, zone="moon", what="wall", x=1, y=1),
    ]
    assert drawn(WORLD, changes) == WORLD
    assert read("sign", '{"text":"x"}') == Sign(text="x")
    assert read("sign", "\x00") is None


DEEDS = st.lists(
    st.one_of(
        st.builds(BuildWall, zone=st.just("meadow"), x=st.integers(0, 33), y=st.integers(8, 12), floor=st.booleans()),
        st.builds(
            PlaceObject,
            zone=st.just("meadow"),
            x=st.integers(0, 33),
            y=st.integers(8, 12),
            kind=st.sampled_from(["sign", "creature", "spawn"]),
            properties=st.sampled_from(['{"text":"x"}', '{"kind":"rat"}', "{}"]),
        ),
        st.builds(RemoveObject, zone=st.just("meadow"), object=st.sampled_from(["meadow.rat.1", "meadow.spawn.3"])),
    ),
    max_size=12,
)


@given(DEEDS, st.integers(0, 12))
def test_workers_that_read_changes_in_portions_come_to_the_same_maps(deeds: list[Any], cut: int) -> None:
    where = scene()
    for n, deed in enumerate(deeds):
        try:
            do(where, deed, id_=f"e{n}")
        except Rejected:
            continue
    changes = where.results[EVERY_CHANGE]
    assert drawn(drawn(WORLD, changes[:cut]), changes[cut:]) == shown(where)
    assert drawn(shown(where), changes) == shown(where)
    assert msgspec.json.decode(msgspec.json.encode(list(changes)), type=list[Change]) == list(changes)
