"""The sky follows from the world's time alone, and is told once: when it changes, and to who comes."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.declare.phrases import Sight
from gameserver.errors import Repeated
from gameserver.maps.objects import World
from gameserver.modules.movement.events import Chart
from gameserver.modules.movement.view import zone_topic
from gameserver.modules.sessions.events import Login
from gameserver.modules.weather.climates import CLIMATES, Climate, Weather
from gameserver.modules.weather.events import Skies
from gameserver.modules.weather.maps import Outdoors, climates_are_there, zones_by_climate
from gameserver.modules.weather.sky import (
    BEGINS,
    DAY_TURNS,
    PARTS,
    SPELL_TURNS,
    STAYS,
    TURN_TICKS,
    part_of_day,
    sky_over,
)
from gameserver.modules.weather.text import skies
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import TICK_MS, Tick
from gameserver.modules.world.rules import TOLERANCE_TICKS
from gameserver.testing.scenes import account_of, circumstances, play, player, session_of, state

ONE = Climate(name="one", weathers=[Weather(name="calm", weight=1, begins="It calms.", stays="It is calm.")])
DAWN = 1_000 * DAY_TURNS  # the first turn of a day
turns = st.integers(min_value=1, max_value=10**9)


def pulse(n: int, last: int | None) -> Any:
    """A tick of the world by a clock that is right."""
    clocks = () if last is None else (ZoneClock(id=PULSE, tick=last),)
    return play(Tick(n=n), state(*clocks), circumstances(gateway="", now_ms=n * TICK_MS))


def skies_of(outcome: Any) -> list[Any]:
    return [one for one in outcome.notifications if isinstance(one.notice, Skies)]


# The sky.


@given(turns)
def test_a_day_has_its_parts_in_their_order_and_begins_at_dawn(turn: int) -> None:
    begun = turn - turn % DAY_TURNS
    day = [part_of_day(n) for n in range(begun, begun + DAY_TURNS)]
    assert day == [part for part, lasts in PARTS.items() for _ in range(lasts)]
    assert set(PARTS) == set(BEGINS) == set(STAYS)


@given(turns, st.sampled_from(sorted(CLIMATES)))
def test_weather_is_one_of_the_climate_s_and_changes_no_faster_than_its_spells(turn: int, climate: str) -> None:
    spells = [sky_over(CLIMATES[climate], turn + n).weather for n in range(SPELL_TURNS)]
    assert all(weather in CLIMATES[climate].weathers for weather in spells)
    assert sum(before != then for before, then in pairwise(spells)) <= 1


@pytest.mark.parametrize("climate", CLIMATES.values(), ids=CLIMATES)
def test_weather_comes_as_often_as_its_weight_says(climate: Climate) -> None:
    spells = 6_000
    seen = Counter(sky_over(climate, n * SPELL_TURNS).weather.name for n in range(spells))
    of = sum(weather.weight for weather in climate.weathers)
    for weather in climate.weathers:
        assert abs(seen[weather.name] / spells - weather.weight / of) < 0.03, weather.name


def test_what_is_told_is_what_has_changed() -> None:
    night, dawn, later = (sky_over(ONE, turn) for turn in (DAWN - 1, DAWN, DAWN + 1))
    assert dawn.text(before=night) == "The sun rises."
    assert later == dawn
    assert dawn.text() == "The sun is rising. It is calm."


def test_a_weather_that_is_named_twice_is_refused() -> None:
    assert Climate(name="odd", weathers=ONE.weathers * 2).problem() == "weathers: a weather is named twice"


# When it changes.


def test_the_pulse_that_begins_a_part_of_the_day_tells_every_zone_that_has_a_sky_once() -> None:
    n = DAWN * TURN_TICKS
    told = skies_of(pulse(n, n - 1))
    topics = [topic for one in told for topic in one.to]
    outdoors = [zone for zones in zones_by_climate(state().world).values() for zone in zones]
    assert sorted(topics) == sorted(map(zone_topic, outdoors))
    assert zone_topic("cave") not in topics
    assert len(told) <= len(CLIMATES)
    assert all(one.notice.part == "dawn" and "The sun rises." in one.notice.text for one in told)


@given(turns, st.integers(min_value=1, max_value=TURN_TICKS - 1))
def test_every_other_pulse_says_nothing(turn: int, within: int) -> None:
    n = turn * TURN_TICKS + within
    assert skies_of(pulse(n, n - 1)) == []


@pytest.mark.parametrize("last", [0, 1, TOLERANCE_TICKS])
def test_a_pulse_that_comes_twice_or_late_tells_nothing_again(last: int) -> None:
    n = DAWN * TURN_TICKS
    with pytest.raises(Repeated):
        pulse(n, n + last)


def test_after_a_pause_what_was_missed_is_told_with_the_next_pulse() -> None:
    n = DAWN * TURN_TICKS
    assert {one.notice.part for one in skies_of(pulse(n + 7, n - 400))} == {"dawn"}


def test_the_first_pulse_of_all_and_one_after_a_clock_that_was_ahead_tell_no_change() -> None:
    n = DAWN * TURN_TICKS
    assert skies_of(pulse(n, None)) == []
    assert skies_of(pulse(n, n + 10 * TOLERANCE_TICKS)) == []


# Who comes.


def test_who_enters_under_a_sky_is_told_how_it_is_and_nobody_else() -> None:
    ada = player("Ada")
    login = Login(name="Ada", password="long enough")
    filled = state(ada, account_of(ada), session_of(ada))
    now_ms = DAWN * TURN_TICKS * TICK_MS
    told = skies_of(play(login, filled, circumstances(now_ms=now_ms, conn="c-ada", gateway="g1", token="t")))
    assert [(one.conn, one.gateway, one.to, one.notice.part) for one in told] == [("c-ada", "g1", (), "dawn")]
    assert told[0].notice.text.startswith("The sun is rising.")


@pytest.mark.parametrize(("zone", "times"), [("forest", 1), ("cellar", 0)])
def test_who_asks_for_the_map_of_a_zone_is_told_where_there_is_a_sky(zone: str, times: int) -> None:
    ada = player("Ada", zone=zone, x=4, y=4)
    assert len(skies_of(play(Chart(), state(ada), circumstances(ada)))) == times


def test_at_a_terminal_the_same_is_said_once() -> None:
    sight, notice = Sight(), Skies(part="dawn", weather="calm", text="The sun rises.")
    assert [bool(skies(notice, sight)) for _ in range(2)] == [True, False]


# Maps.


def test_a_zone_of_an_unknown_climate_is_named() -> None:
    town = replace(state().world.zones["town"], properties=(Outdoors(climate="moon"),))
    ((zone, sentence),) = climates_are_there(World(zones={"town": town}, start="town"))
    assert zone == "town"
    assert sentence.startswith("is of unknown climate 'moon', expected one of valley, ")
