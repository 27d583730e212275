"""The climates that the game has: the data file "climates"."""

from typing import Annotated

import msgspec

from gameserver.game import Record, records

WEATHERS_MAX = 12

Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class Weather(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sort of weather. ``weight``: how often of all there is; ``begins`` and ``stays``: what one is told."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    weight: Annotated[int, msgspec.Meta(ge=1, le=100)]
    begins: Sentence
    stays: Sentence


class Climate(Record, frozen=True, kw_only=True):
    """What weather there is in a part of the world."""

    weathers: Annotated[list[Weather], msgspec.Meta(min_length=1, max_length=WEATHERS_MAX)]

    def problem(self) -> str:
        """What it names twice."""
        names = [weather.name for weather in self.weathers]
        return "weathers: a weather is named twice" if len(set(names)) < len(names) else ""


CLIMATES: dict[str, Climate] = records("climates", Climate)
