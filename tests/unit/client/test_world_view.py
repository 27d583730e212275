"""The picture follows replies and notices, and is not deceived by notices that overtake each other."""

from typing import Any

import pytest

from gameserver.client.world_view import GONE_KEPT_MAX, Picture

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
def picture() -> Picture:
    entered = Picture()
    entered.entered(ENTERED)
    return entered


def test_entering_says_who_and_where_i_am(picture: Picture) -> None:
    assert picture.me == {key: ENTERED[key] for key in ("name", "zone", "x", "y", "hp", "hp_max", "xp")} | {"id": "ada"}


def test_a_view_replaces_what_was_seen_before(picture: Picture) -> None:
    picture.noticed(view(being("rat", 1), being("boar", 1)))
    picture.noticed(view(being("wolf", 1), being("boar", 2, x=5)))
    assert picture.beings.keys() == {"wolf", "boar"}
    assert picture.beings["boar"]["x"] == 5
    assert picture.me["v"] == 1


def test_a_view_does_not_take_back_newer_news(picture: Picture) -> None:
    picture.noticed({"type": "appeared", "being": being("rat", 5, x=7)})
    picture.noticed({"type": "vanished", "who": "boar", "v": 9})
    picture.noticed(view(being("rat", 4), being("boar", 8)))
    assert picture.beings == {"rat": being("rat", 5, x=7)}


def test_beings_appear_move_and_vanish(picture: Picture) -> None:
    picture.noticed({"type": "appeared", "being": being("rat", 1)})
    picture.noticed({"type": "moved", "who": "rat", "x": 2, "y": 3, "v": 2})
    assert picture.beings["rat"] == being("rat", 2, x=2, y=3)
    picture.noticed({"type": "vanished", "who": "rat", "v": 3})
    assert picture.beings == {}


@pytest.mark.parametrize(
    "late",
    [
        {"type": "moved", "who": "rat", "x": 9, "y": 9, "v": 4},
        {"type": "appeared", "being": being("rat", 4, x=9)},
        {"type": "vanished", "who": "rat", "v": 4},
        {"type": "struck", "by": "ada", "target": "rat", "damage": 9, "hp": 3, "v": 4},
    ],
)
def test_older_news_is_ignored(picture: Picture, late: dict[str, Any]) -> None:
    picture.noticed({"type": "appeared", "being": being("rat", 5)})
    picture.noticed(late)
    assert picture.beings == {"rat": being("rat", 5)}


def test_who_has_left_does_not_come_back_by_older_news(picture: Picture) -> None:
    picture.noticed({"type": "vanished", "who": "rat", "v": 5})
    picture.noticed({"type": "appeared", "being": being("rat", 4)})
    picture.noticed({"type": "moved", "who": "rat", "x": 9, "y": 9, "v": 6})
    assert picture.beings == {}


def test_who_has_left_my_sight_unchanged_may_come_back_unchanged(picture: Picture) -> None:
    # It was I who walked away, and back.
    picture.noticed({"type": "vanished", "who": "rat", "v": 5})
    picture.noticed({"type": "appeared", "being": being("rat", 5)})
    assert picture.beings == {"rat": being("rat", 5)}


def test_what_is_remembered_of_the_gone_is_bounded(picture: Picture) -> None:
    for number in range(GONE_KEPT_MAX + 50):
        picture.noticed({"type": "vanished", "who": f"rat{number}", "v": 1})
    assert len(picture._gone) == GONE_KEPT_MAX


def test_blows_and_death_change_health(picture: Picture) -> None:
    picture.noticed(view(being("rat", 1)))
    picture.noticed({"type": "struck", "by": "ada", "target": "rat", "damage": 9, "hp": 3, "v": 2})
    picture.noticed({"type": "struck", "by": "rat", "target": "ada", "damage": 4, "hp": 96, "v": 2})
    assert (picture.beings["rat"]["hp"], picture.me["hp"]) == (3, 96)
    picture.replied({"type": "attack"}, {"target": "rat", "damage": 2, "hp": 1})
    assert picture.beings["rat"]["hp"] == 1
    picture.noticed({"type": "died", "who": "rat", "by": "ada"})
    picture.noticed({"type": "died", "who": "somebody unseen", "by": "ada"})
    assert picture.beings["rat"]["hp"] == 0


def test_the_reply_to_a_move_says_where_i_am(picture: Picture) -> None:
    picture.replied({"type": "move"}, {"zone": "meadow", "x": 3, "y": 3})
    assert (picture.me["x"], picture.me["y"]) == (3, 3)


def test_notices_of_my_own_steps_do_not_take_me_back(picture: Picture) -> None:
    picture.noticed(view(v=1))
    picture.replied({"type": "move"}, {"zone": "meadow", "x": 3, "y": 2})
    picture.noticed({"type": "moved", "who": "ada", "x": 3, "y": 3, "v": 2})
    picture.noticed({"type": "appeared", "being": being("ada", 2, x=3, y=3, hp=50)})
    assert (picture.me["x"], picture.me["y"], picture.me["hp"]) == (3, 2, 50)
    assert "ada" not in picture.beings


def test_in_another_zone_the_old_beings_are_out_of_sight(picture: Picture) -> None:
    picture.noticed(view(being("rat", 1)))
    picture.replied({"type": "move"}, {"zone": "forest", "x": 1, "y": 1})
    assert picture.beings == {}


def test_i_come_back_to_life_elsewhere(picture: Picture) -> None:
    picture.noticed({"type": "died", "who": "ada", "by": "rat"})
    assert picture.me["hp"] == 0
    picture.noticed({"type": "respawned", "zone": "town", "x": 7, "y": 8, "hp": 100})
    assert [picture.me[key] for key in ("zone", "x", "y", "hp")] == ["town", 7, 8, 100]


def test_a_reward_adds_experience(picture: Picture) -> None:
    picture.noticed({"type": "rewarded", "id": "r1", "xp": 5, "total": 25, "slain": "rat"})
    assert picture.me["xp"] == 25


def test_other_notices_are_passed_over(picture: Picture) -> None:
    before = dict(picture.me)
    picture.noticed({"type": "heard", "text": "hello"})
    assert picture.me == before
