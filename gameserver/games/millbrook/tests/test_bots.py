"""What bots do: mostly walk, learn from walls, and strike whom they may."""

from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest

from gameserver.games.millbrook.bots import DIRECTIONS, Wanderer
from gameserver.wire.codecs import msgpack_codec

ME = {"id": "bot0", "zone": "meadow", "x": 5, "y": 5, "hp": 100}


def behaviour(seed: int = 1, count: int = 10, safe_zones: set[str] | None = None) -> Wanderer:
    return Wanderer(Random(seed), 0, count, "bot", safe_zones if safe_zones is not None else set())


def being(x: int, y: int, kind: str = "rat", hp: int = 12) -> dict[str, Any]:
    return {"id": kind, "name": kind, "kind": kind, "x": x, "y": y, "hp": hp, "v": 1}


def choices(of: Wanderer, times: int, **beings: dict[str, Any]) -> list[dict[str, Any]]:
    return [of.choose(ME, beings) for _ in range(times)]


def test_bots_mostly_walk_and_sometimes_talk() -> None:
    kinds = Counter(event["type"] for event in choices(behaviour(), 5_000))
    assert kinds["move"] > 4_000
    assert kinds.keys() == {"move", "say", "shout", "whisper", "join"}


def test_all_they_send_stands_in_the_catalogue() -> None:
    bot = behaviour()
    bot.learn({"type": "join"}, "", "meadow")
    for seq, event in enumerate(choices(bot, 2_000, rat=being(5, 6)), 1):
        packed = msgspec.msgpack.encode(event | {"seq": seq})
        assert msgpack_codec().decode(packed, 8).spec.name == event["type"]


def test_bots_keep_their_direction_for_a_while() -> None:
    ways = [event["dir"] for event in choices(behaviour(), 2_000) if event["type"] == "move"]
    kept = sum(a == b for a, b in pairwise(ways))
    assert 0.75 < kept / len(ways) < 0.95
    assert set(ways) == set(DIRECTIONS)


def test_a_way_that_was_a_wall_is_not_tried_again_until_a_step_succeeds() -> None:
    bot = behaviour()
    for way in ("n", "ne", "e"):
        bot.learn({"type": "move", "dir": way}, "wall", "meadow")
    ways = {event["dir"] for event in choices(bot, 1_000) if event["type"] == "move"}
    assert ways == set(DIRECTIONS) - {"n", "ne", "e"}
    bot.learn({"type": "move", "dir": "s"}, "", "meadow")
    ways = {event["dir"] for event in choices(bot, 1_000) if event["type"] == "move"}
    assert ways == set(DIRECTIONS)


def test_walled_in_on_all_sides_they_try_all_the_same() -> None:
    bot = behaviour()
    for way in DIRECTIONS:
        bot.learn({"type": "move", "dir": way}, "wall", "meadow")
    assert any(event["type"] == "move" for event in choices(bot, 20))


@pytest.mark.parametrize(("x", "y", "strikes"), [(6, 6, True), (4, 5, True), (7, 5, False), (5, 5, False)])
def test_they_strike_what_stands_next_to_them(x: int, y: int, strikes: bool) -> None:
    events = choices(behaviour(), 100, rat=being(x, y))
    assert ({"type": "attack", "target": "rat"} in events) is strikes


def test_they_leave_the_dead_alone_and_players_mostly() -> None:
    assert not [event for event in choices(behaviour(), 200, rat=being(5, 6, hp=0)) if event["type"] == "attack"]
    fights = [event for event in choices(behaviour(), 1_000, ann=being(5, 6, "player")) if event["type"] == "attack"]
    assert 10 < len(fights) < 120


def test_what_one_learns_of_safe_zones_all_know() -> None:
    safe_zones: set[str] = set()
    one, other = behaviour(1, safe_zones=safe_zones), behaviour(2, safe_zones=safe_zones)
    one.learn({"type": "attack", "target": "rat"}, "safe_zone", "meadow")
    assert not [event for event in choices(other, 200, rat=being(5, 6)) if event["type"] == "attack"]


def test_the_dead_only_look() -> None:
    assert behaviour().choose(ME | {"hp": 0}, {"rat": being(5, 6)}) == {"type": "look"}


def test_they_join_their_channel_before_they_talk_there() -> None:
    bot = behaviour()
    assert "talk" not in {event["type"] for event in choices(bot, 1_000)}
    bot.learn({"type": "join", "channel": "bots-0"}, "", "meadow")
    kinds = {event["type"] for event in choices(bot, 1_000)}
    assert "talk" in kinds
    assert "join" not in kinds
    bot.learn({"type": "talk", "channel": "bots-0"}, "not_a_member", "meadow")
    assert "join" in {event["type"] for event in choices(bot, 1_000)}


def test_they_whisper_to_each_other_but_not_to_themselves() -> None:
    hearers = {event["to"] for event in choices(behaviour(count=3), 2_000) if event["type"] == "whisper"}
    assert hearers == {"bot1", "bot2"}
    assert "whisper" not in {event["type"] for event in choices(behaviour(count=1), 2_000)}


def test_the_same_seed_makes_the_same_choices() -> None:
    assert choices(behaviour(7), 100) == choices(behaviour(7), 100)
