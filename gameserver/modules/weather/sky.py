"""How the sky is at any moment: a pure function of the world's own time, so that nothing of it is kept anywhere.

The time is that of the world's pulse, which goes forward alone and is the same for all workers, whatever their clocks
say. It is counted in turns: day parts and weather change at the beginning of one, or not at all.
"""

from hashlib import sha256
from typing import NamedTuple

from gameserver.modules.weather.climates import Climate, Weather
from gameserver.modules.world.events import TICK_MS

TURN_MS = 60_000
TURN_TICKS = TURN_MS // TICK_MS
SPELL_TURNS = 8  # so long weather stays, and then it may stay once more
# The parts of a day, by how many turns they last.
PARTS = {"dawn": 4, "day": 20, "dusk": 4, "night": 20}
DAY_TURNS = sum(PARTS.values())
BEGINS = {"dawn": "The sun rises.", "day": "It is day.", "dusk": "The sun sets.", "night": "Night falls."}
STAYS = {"dawn": "The sun is rising.", "day": "It is day.", "dusk": "The sun is setting.", "night": "It is night."}


class Sky(NamedTuple):
    """The sky of a climate. ``part``: of the day."""

    part: str
    weather: Weather

    def text(self, before: "Sky | None" = None) -> str:
        """Say how it is, or what has changed since ``before``."""
        if before is None:
            return f"{STAYS[self.part]} {self.weather.stays}"
        part = BEGINS[self.part] if self.part != before.part else ""
        weather = self.weather.begins if self.weather != before.weather else ""
        return f"{part} {weather}".strip()


def turn_of(tick: int) -> int:
    """The turn to which a tick of the world belongs."""
    return tick // TURN_TICKS


def sky_over(climate: Climate, turn: int) -> Sky:
    """The sky of a climate in a turn."""
    return Sky(part_of_day(turn), _weather(climate, turn))


def part_of_day(turn: int) -> str:
    """The part of the day to which a turn belongs."""
    left = turn % DAY_TURNS
    for part, turns in PARTS.items():
        if left < turns:
            return part
        left -= turns
    raise AssertionError(f"turn {turn} is in no part of a day")


def _weather(climate: Climate, turn: int) -> Weather:
    """By weight, drawn anew for each spell; climates change one after the other and not all in one turn."""
    spell = (turn + _drawn(climate.name)) // SPELL_TURNS
    left = _drawn(f"{climate.name} {spell}") % sum(weather.weight for weather in climate.weathers)
    for weather in climate.weathers:
        if left < weather.weight:
            return weather
        left -= weather.weight
    raise AssertionError(f"{climate.name} has no weather")


def _drawn(text: str) -> int:
    """A number that is the same for the same text in every process."""
    return int.from_bytes(sha256(text.encode()).digest()[:6], "big")
