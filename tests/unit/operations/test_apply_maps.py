"""Other maps: who stands where nobody can stand is moved, who is drawn no more is removed.

Until then nobody breaks.
"""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from gameserver.maps.objects import World
from gameserver.maps.world import fingerprint
from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.events import Say
from gameserver.modules.combat.entities import Creature
from gameserver.modules.combat.events import Attack
from gameserver.modules.movement.events import Look, Move
from gameserver.modules.movement.maps import spawns
from gameserver.modules.sessions.entities import Gateway, Player
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import Stir
from gameserver.operations import apply_maps
from gameserver.testing.two_zones import MEADOW, WORLD, absent, creature, player, players
from tests.unit.processing.workshop import ADA, BOB, EVE, Workshop, dispatched, notices, replies, sweep

WALL = frozenset({(11, y) for y in range(20) if y != 10})
SMALL = replace(MEADOW, width=12, walls=WALL, objects=MEADOW.objects[2:4])
OTHER = World(zones={"meadow": SMALL}, start="meadow")
GHOST = Creature(id="meadow.ghost.9", kind="ghost", zone="meadow", x=11, y=10, hp=5)
INSIDE = player("Ida", x=3, y=3)
AWAY = absent(player("Abe", zone="town", x=1, y=1))


@pytest.fixture
def populated(migrated_url: str) -> Iterator[Workshop]:
    """A workshop that lived by ``WORLD``: Eve and Abe are in the town, Ada and Bob where walls will be."""
    workshop = Workshop(migrated_url)
    workshop.enter(ADA, BOB, EVE, INSIDE)
    rats = [creature(), creature("town.rat.1"), GHOST]
    clocks = [ZoneClock(id=id_, tick=1) for id_ in (PULSE, "meadow", "town")]
    gateways = [Gateway(id=id_, seen_ms=2**50, sessions=1) for id_ in ("g1", "g2")]
    workshop.put(AWAY, *rats, *clocks, *gateways)
    yield workshop
    workshop.store.close()


WANTED = {
    "players in zone town, which is gone, go to meadow": 2,
    "players in walls or outside of meadow go to the nearest free tile": 2,
    "creatures in zone town, which is gone, are removed": 1,
    "creatures of kind ghost, which is gone, are removed": 1,
    "creatures whose place in meadow is gone are removed": 1,
    "clocks of zones that are gone are removed": 1,
}


def bodies(populated: Workshop) -> dict[str, Player]:
    ids = ("ada", "bob", "eve", "ida", "abe")
    return dict(players(populated.load(players=ids)))


def test_a_check_says_what_would_be_done_and_does_nothing(populated: Workshop) -> None:
    before = bodies(populated)
    assert apply_maps.check(populated.store, OTHER, lambda: populated.now_ms) == WANTED
    assert bodies(populated) == before
    assert not apply_maps.is_applied(populated.store, OTHER)


def test_everyone_stands_where_one_can_stand_and_nobody_else_is_moved(populated: Workshop) -> None:
    assert apply_maps.apply(populated.store, OTHER, lambda: populated.now_ms) == WANTED
    after = bodies(populated)
    assert all(SMALL.walkable(body.x, body.y) for body in after.values())
    assert {body.zone for body in after.values()} == {"meadow"}
    assert (after["ida"], after["ada"].x, after["ada"].y) == (INSIDE, 11, 10)
    assert (after["eve"].x, after["eve"].y) in spawns(SMALL)
    assert after["eve"].v == EVE.v + 1
    left = populated.load(zones=("meadow", "town"), clocks=(PULSE, "town"))
    assert (dict(left.of(Creature)), sorted(left.of(ZoneClock))) == ({}, [PULSE, "meadow"])


def test_a_companion_whose_place_is_gone_is_beside_an_owner_who_is_there(populated: Workshop) -> None:
    dog = Creature(id="ada.companion.1", kind="wolf", zone="town", x=3, y=3, hp=5, owner="ada")
    populated.put(dog)
    apply_maps.apply(populated.store, OTHER, lambda: populated.now_ms)
    populated.now_ms += 1
    populated.apply(*(one for one in sweep(populated).born if one.event.spec.name == "heel"))
    came, ada = populated.store.get(Creature, dog.id), bodies(populated)["ada"]
    assert came is not None
    assert (came.zone, came.x, came.y) == (ada.zone, ada.x, ada.y)


def test_applying_twice_does_nothing_more(populated: Workshop) -> None:
    apply_maps.apply(populated.store, OTHER, lambda: populated.now_ms)
    assert apply_maps.is_applied(populated.store, OTHER)
    assert not apply_maps.is_applied(populated.store, WORLD)
    assert apply_maps.apply(populated.store, OTHER, lambda: populated.now_ms) == {}
    assert apply_maps.check(populated.store, OTHER, lambda: populated.now_ms) == {}


def test_it_goes_in_portions(populated: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_maps, "PORTION", 1)
    assert apply_maps.apply(populated.store, OTHER, lambda: populated.now_ms) == WANTED


def test_those_in_the_world_are_shown_where_they_stand_now(populated: Workshop) -> None:
    apply_maps.apply(populated.store, OTHER, lambda: populated.now_ms)
    populated.now_ms += 1
    born = sweep(populated).born
    assert sorted(envelope.event.player for envelope in born) == ["ada", "bob", "eve"]
    shown = populated.apply(*born)
    follows = {direct.conn: direct.follow for direct in shown.outbound.unicasts}
    assert follows["c-eve"].then == "look"
    assert follows["c-eve"].shard_key == "meadow"
    assert {notice["being"]["id"] for notice in dispatched(shown)} == {"ada", "bob", "eve"}
    assert populated.due("event") == []


def with_other_maps(populated: Workshop) -> Workshop:
    """The same world, as a worker serves it whose maps are others; nothing was applied."""
    populated.store.world = OTHER
    return populated


def test_until_then_nobody_breaks(populated: Workshop) -> None:
    """A player in a zone that no map shows looks, speaks, and can't walk or fight; others meet whom they meet."""
    other = with_other_maps(populated)
    walked = replies(other.apply(other.tell(EVE, Move(dir="n", seq=1))))
    assert walked[1]["code"] == "wall"
    assert replies(other.apply(other.tell(EVE, Say(text="where am I", seq=1))))[1]["type"] == "ok"
    assert replies(other.apply(other.tell(EVE, Attack(target="town.rat.1", seq=2))))[2]["code"] == "safe_zone"
    looked = other.apply(other.tell(EVE, Look()), other.tell(ADA, Look()))
    (mine,) = notices(looked, "c-eve")
    assert (mine["zone"], [being["id"] for being in mine["beings"]]) == ("town", ["town.rat.1"])
    (hers,) = notices(looked, "c-ada")
    assert {"meadow.ghost.9", "bob"} <= {being["id"] for being in hers["beings"]}
    assert looked.held == ()


def test_zones_stir_with_creatures_of_a_kind_that_is_gone_and_zones_that_are_gone_do_not(populated: Workshop) -> None:
    other = with_other_maps(populated)
    stirs = [Stir(zone=zone, n=populated.now_ms // 500) for zone in ("meadow", "town")]
    stirred = other.apply(*(Envelope(id=f"t/{stir.zone}", event=stir, at_ms=populated.now_ms) for stir in stirs))
    assert (stirred.held, stirred.outcomes) == ((), {"ok": 2})
    assert populated.load(clocks=("town",)).of(ZoneClock)["town"].tick == 1


def test_a_ghost_can_be_struck(populated: Workshop) -> None:
    (struck,) = replies(populated.apply(populated.tell(ADA, Attack(target=GHOST.id, seq=1)))).values()
    assert struck["type"] == "ok"


def test_a_fingerprint_tells_worlds_apart_and_not_their_order() -> None:
    same = World(zones=dict(reversed(WORLD.zones.items())), start=WORLD.start)
    assert fingerprint(same) == fingerprint(WORLD) != fingerprint(OTHER)
    assert fingerprint(replace(WORLD, start="town")) != fingerprint(WORLD)
