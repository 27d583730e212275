"""The world view follows replies and notices as the game declares, and is not deceived by those that come late."""

from typing import Any

import pytest

from gameserver.client.world_view import GONE_KEPT_MAX, WorldView
from gameserver.declare.client_view import followers

ENTERED = {
    "player": "ada",
    "name": "Ada",
    "session": "s1",
    "zone": "meadow",
    "x": 3,
    "y": 4,
    "hp": 100,
    "hp_max": 100,
    "xp": 0,
}


def being(id_: str, v: int, **changes: Any) -> dict[str, Any]:
    return {"id": id_, "name": id_.title(), "kind": "rat", "x": 1, "y": 1, "hp": 12, "v": v} | changes


def view(*beings: dict[str, Any], zone: str = "meadow", v: int = 1) -> dict[str, Any]:
    you = being("ada", v, kind="player", x=3, y=4, hp=100)
    return {"type": "view", "zone": zone, "title": "", "width": 9, "height": 9, "you": you, "beings": list(beings)}


@pytest.fixture
def world_view() -> WorldView:
    entered = WorldView(followers())
    entered.apply_reply({"type": "register"}, ENTERED)
    return entered


def test_entering_says_who_and_where_i_am(world_view: WorldView) -> None:
    assert world_view.me == {key: ENTERED[key] for key in ("name", "zone", "x", "y", "hp", "hp_max", "xp")} | {
        "id": "ada"
    }


def test_a_view_replaces_what_was_seen_before(world_view: WorldView) -> None:
    world_view.apply_notice(view(being("rat", 1), being("boar", 1)))
    world_view.apply_notice(view(being("wolf", 1), being("boar", 2, x=5)))
    assert world_view.beings.keys() == {"wolf", "boar"}
    assert world_view.beings["boar"]["x"] == 5
    assert world_view.me["v"] == 1


def test_a_view_does_not_take_back_newer_news(world_view: WorldView) -> None:
    world_view.apply_notice({"type": "appeared", "being": being("rat", 5, x=7)})
    world_view.apply_notice({"type": "vanished", "who": "boar", "v": 9})
    world_view.apply_notice(view(being("rat", 4), being("boar", 8)))
    assert world_view.beings == {"rat": being("rat", 5, x=7)}


def test_who_appears_before_the_view_of_a_step_into_another_cell_is_kept(world_view: WorldView) -> None:
    world_view.apply_notice(view(being("boar", 1)))
    world_view.apply_reply({"type": "move"}, {"zone": "meadow", "x": 8, "y": 4})
    world_view.apply_notice({"type": "appeared", "being": being("rat", 5, x=17)})
    world_view.apply_notice({"type": "appeared", "being": being("wolf", 5, x=40)})
    world_view.apply_notice(view() | {"you": being("ada", 2, x=8, y=4)})
    assert world_view.beings == {"rat": being("rat", 5, x=17)}
    world_view.apply_notice(view() | {"you": being("ada", 2, x=8, y=4)})
    assert world_view.beings == {}


def test_of_two_notices_with_one_number_both_are_taken(world_view: WorldView) -> None:
    world_view.apply_notice({"type": "appeared", "being": being("rat", 5)})
    world_view.apply_notice({"type": "vanished", "who": "rat", "v": 5})
    assert world_view.beings == {}
    world_view.apply_notice({"type": "appeared", "being": being("rat", 5)})
    assert world_view.beings == {"rat": being("rat", 5)}


def test_beings_appear_move_and_vanish(world_view: WorldView) -> None:
    world_view.apply_notice({"type": "appeared", "being": being("rat", 1)})
    world_view.apply_notice({"type": "moved", "who": "rat", "x": 2, "y": 3, "v": 2})
    assert world_view.beings["rat"] == being("rat", 2, x=2, y=3)
    world_view.apply_notice({"type": "vanished", "who": "rat", "v": 3})
    assert world_view.beings == {}


@pytest.mark.parametrize(
    "late",
    [
        {"type": "moved", "who": "rat", "x": 9, "y": 9, "v": 4},
        {"type": "appeared", "being": being("rat", 4, x=9)},
        {"type": "vanished", "who": "rat", "v": 4},
        {"type": "struck", "by": "ada", "target": "rat", "damage": 9, "hp": 3, "v": 4},
    ],
)
def test_older_news_is_ignored(world_view: WorldView, late: dict[str, Any]) -> None:
    world_view.apply_notice({"type": "appeared", "being": being("rat", 5)})
    world_view.apply_notice(late)
    assert world_view.beings == {"rat": being("rat", 5)}


def test_who_has_left_does_not_come_back_by_older_news(world_view: WorldView) -> None:
    world_view.apply_notice({"type": "vanished", "who": "rat", "v": 5})
    world_view.apply_notice({"type": "appeared", "being": being("rat", 4)})
    world_view.apply_notice({"type": "moved", "who": "rat", "x": 9, "y": 9, "v": 6})
    assert world_view.beings == {}


def test_who_has_left_my_sight_unchanged_may_come_back_unchanged(world_view: WorldView) -> None:
    # It was I who walked away, and back.
    world_view.apply_notice({"type": "vanished", "who": "rat", "v": 5})
    world_view.apply_notice({"type": "appeared", "being": being("rat", 5)})
    assert world_view.beings == {"rat": being("rat", 5)}


def test_what_is_remembered_of_the_gone_is_bounded(world_view: WorldView) -> None:
    for number in range(GONE_KEPT_MAX + 50):
        world_view.apply_notice({"type": "vanished", "who": f"rat{number}", "v": 1})
    assert len(world_view._gone) == GONE_KEPT_MAX


def test_blows_and_death_change_health(world_view: WorldView) -> None:
    world_view.apply_notice(view(being("rat", 1)))
    world_view.apply_notice({"type": "struck", "by": "ada", "target": "rat", "damage": 9, "hp": 3, "v": 2})
    world_view.apply_notice({"type": "struck", "by": "rat", "target": "ada", "damage": 4, "hp": 96, "v": 2})
    assert (world_view.beings["rat"]["hp"], world_view.me["hp"]) == (3, 96)
    world_view.apply_reply({"type": "attack"}, {"target": "rat", "damage": 2, "hp": 1})
    assert world_view.beings["rat"]["hp"] == 1
    world_view.apply_notice({"type": "died", "who": "rat", "by": "ada"})
    world_view.apply_notice({"type": "died", "who": "somebody unseen", "by": "ada"})
    assert world_view.beings["rat"]["hp"] == 0


def test_the_reply_to_a_move_says_where_i_am(world_view: WorldView) -> None:
    world_view.apply_reply({"type": "move"}, {"zone": "meadow", "x": 3, "y": 3})
    assert (world_view.me["x"], world_view.me["y"]) == (3, 3)


def test_notices_of_my_own_steps_do_not_take_me_back(world_view: WorldView) -> None:
    world_view.apply_notice(view(v=1))
    world_view.apply_reply({"type": "move"}, {"zone": "meadow", "x": 3, "y": 2})
    world_view.apply_notice({"type": "moved", "who": "ada", "x": 3, "y": 3, "v": 2})
    world_view.apply_notice({"type": "appeared", "being": being("ada", 2, x=3, y=3, hp=50)})
    assert (world_view.me["x"], world_view.me["y"], world_view.me["hp"]) == (3, 2, 50)
    assert "ada" not in world_view.beings


def test_in_another_zone_the_old_beings_are_out_of_sight(world_view: WorldView) -> None:
    world_view.apply_notice(view(being("rat", 1)))
    world_view.apply_reply({"type": "move"}, {"zone": "forest", "x": 1, "y": 1})
    assert world_view.beings == {}


def test_i_come_back_to_life_elsewhere(world_view: WorldView) -> None:
    world_view.apply_notice({"type": "died", "who": "ada", "by": "rat"})
    assert world_view.me["hp"] == 0
    world_view.apply_notice({"type": "respawned", "zone": "town", "x": 7, "y": 8, "hp": 100})
    assert [world_view.me[key] for key in ("zone", "x", "y", "hp")] == ["town", 7, 8, 100]


def test_a_reward_adds_experience(world_view: WorldView) -> None:
    world_view.apply_notice({"type": "rewarded", "id": "r1", "xp": 5, "total": 25, "slain": "rat"})
    assert world_view.me["xp"] == 25


def test_other_notices_are_passed_over(world_view: WorldView) -> None:
    before = dict(world_view.me)
    world_view.apply_notice({"type": "heard", "text": "hello"})
    assert world_view.me == before


def test_a_view_knows_nothing_that_is_not_declared(world_view: WorldView) -> None:
    bare = WorldView({})
    bare.apply_reply({"type": "register"}, ENTERED)
    bare.apply_notice({"type": "appeared", "being": being("rat", 1)})
    assert (bare.me, bare.beings) == ({}, {})


@pytest.mark.parametrize("entrance", ["register", "login", "resume"])
def test_whichever_way_i_enter_i_am_told_who_i_am(entrance: str) -> None:
    fresh = WorldView(followers())
    fresh.apply_reply({"type": entrance}, {**ENTERED, "seq": 7})
    assert fresh.me["id"] == "ada"
    assert "seq" not in fresh.me
