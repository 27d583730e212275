"""The view of the world stands twice, in Python and in the JavaScript library: both follow the same, alike."""

import json
import subprocess
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from gameserver.client.world_view import GONE_KEPT_MAX
from gameserver.declare import catalogue
from gameserver.declare.client_view import followers
from tests.nodes import JAVASCRIPT, node
from tests.unit.client.views import CASES, Case, Told, told_to_python

STORIES = 3_000
LENGTH_MAX = 24
PLACES = ["meadow", "town"]
IDS = ["ada", "bob", "rat", "boar"]
Known = tuple[dict[str, Any], dict[str, Any]]


def told_to_javascript(told: list[list[Told]]) -> tuple[set[str], list[Known]]:
    """What the library's view follows, and what it knows (me, and beings by id) after each of these."""
    asked = json.dumps({"notices": list(catalogue.notices()), "told": told})
    words = (node(), str(JAVASCRIPT / "views.mjs"))
    done = subprocess.run(words, input=asked, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    return set(said["follows"]), [(me, beings) for me, beings in said["seen"]]


@pytest.fixture(scope="module")
def cases() -> tuple[set[str], list[Known]]:
    return told_to_javascript([case.told for case in CASES])


def test_both_views_follow_the_same_notices_and_replies(cases: tuple[set[str], list[Known]]) -> None:
    assert cases[0] == set(followers())


@pytest.mark.parametrize(("n", "case"), list(enumerate(CASES)), ids=[case.name for case in CASES])
def test_a_view_in_javascript_knows_what_it_was_told(n: int, case: Case, cases: tuple[set[str], list[Known]]) -> None:
    me, beings = cases[1][n]
    assert {key: me.get(key) for key in case.me} == case.me
    assert beings == {being["id"]: being for being in case.beings}


def test_both_views_know_the_same_whatever_they_are_told() -> None:
    dice = Random(23)
    stories = [[*entered(dice), *(a_telling(dice) for _ in range(dice.randint(1, LENGTH_MAX)))] for _ in range(STORIES)]
    stories.append(forgotten())
    _, known = told_to_javascript(stories)
    for story, (me, beings) in zip(stories, known, strict=True):
        view = told_to_python(story)
        assert (me, beings) == (view.me, view.beings), story
    assert any(beings for _, beings in known)


def test_each_notice_and_reply_that_is_followed_is_told_by_chance() -> None:
    assert set(TELLINGS) == set(followers())


def forgotten() -> list[Told]:
    """More leave the view than are remembered; then older news of all of them comes."""
    names = [f"rat{number}" for number in range(GONE_KEPT_MAX + 50)]
    gone: list[Told] = [("vanished", {"who": name, "v": 5}) for name in names]
    return [*gone, *(("appeared", {"being": a_being(Random(1)) | {"id": name, "v": 4}}) for name in names)]


# Tellings by chance: few places, numbers and beings, so that they have to do with each other.


def entered(dice: Random) -> list[Told]:
    return [(dice.choice(["register", "login", "resume"]), an_entrance(dice))]


def a_telling(dice: Random) -> Told:
    name = dice.choice(OFTEN) if dice.random() < 0.8 else dice.choice(list(TELLINGS))
    return name, TELLINGS[name](dice)


def a_place(dice: Random) -> dict[str, Any]:
    return {"zone": dice.choice(PLACES), "x": dice.randrange(40), "y": dice.randrange(12)}


def an_entrance(dice: Random) -> dict[str, Any]:
    return {"player": "ada", "name": "Ada", "session": "s1", "hp": 100, "hp_max": 100, "xp": 0, **a_place(dice)}


def a_being(dice: Random) -> dict[str, Any]:
    id_, place = dice.choice(IDS), a_place(dice)
    return {"id": id_, "name": id_.title(), "kind": "rat", "x": place["x"], "y": place["y"], "hp": 9, "v": a_v(dice)}


def a_v(dice: Random) -> int:
    return dice.randint(1, 6)


def a_view(dice: Random) -> dict[str, Any]:
    beings = [a_being(dice) | {"id": id_} for id_ in dice.sample(IDS[1:], dice.randint(0, 2))]
    size = {"title": "", "width": 64, "height": 64}
    return {"zone": dice.choice(PLACES), **size, "you": a_being(dice) | {"id": "ada"}, "beings": beings}


def a_health(dice: Random) -> dict[str, Any]:
    return {"hp": dice.randint(0, 100)}


def a_hit(dice: Random) -> dict[str, Any]:
    return {"target": dice.choice(IDS), "damage": 1, **a_health(dice)}


def a_step(dice: Random) -> dict[str, Any]:
    return {"who": dice.choice(IDS), "x": dice.randrange(40), "y": dice.randrange(12), "v": a_v(dice)}


def an_experience(dice: Random) -> dict[str, Any]:
    return {"xp": 5, "total": dice.randint(0, 100)}


def a_level(dice: Random) -> dict[str, Any]:
    return {"level": dice.randint(1, 9), "hp_max": 120, "xp": 7, **a_health(dice)}


def a_duel(dice: Random) -> dict[str, Any]:
    return {"players": dice.sample(["Ada", "Bob"], dice.randint(1, 2)), "winner": "", "why": "over", "until_ms": 1}


def companions(dice: Random) -> dict[str, Any]:
    return {"companions": [{"id": dice.choice(IDS)}]}


TELLINGS: dict[str, Callable[[Random], dict[str, Any]]] = {
    **dict.fromkeys(("register", "login", "resume"), an_entrance),
    **dict.fromkeys(("move", "enter", "depart", "putback"), a_place),
    **dict.fromkeys(("rewarded", "fallen", "turnin"), an_experience),
    **dict.fromkeys(("tame", "release", "pets"), companions),
    **dict.fromkeys(("duelbegan", "duelended"), a_duel),
    **dict.fromkeys(("levelled", "score"), a_level),
    "respawned": lambda dice: a_place(dice) | a_health(dice),
    "view": a_view,
    "appeared": lambda dice: {"being": a_being(dice)},
    "moved": a_step,
    "vanished": lambda dice: {"who": dice.choice(IDS), "v": a_v(dice)},
    "attack": a_hit,
    "cleave": lambda dice: {"hits": [a_hit(dice), a_hit(dice)]},
    "struck": lambda dice: {"by": "rat", "v": a_v(dice), **a_hit(dice)},
    "died": lambda dice: {"who": dice.choice(IDS), "by": "rat"},
    "felt": lambda dice: {"kind": "poison", "effect": "Poison", "change": -1, **a_health(dice)},
    "skies": lambda dice: {"part": dice.choice(["day", "night"]), "weather": "rain", "text": "It rains."},
}
OFTEN = ["move", "view", "view", "appeared", "appeared", "moved", "vanished", "struck"]
