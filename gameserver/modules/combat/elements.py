"""What blows are made of, and who bears it well: percents of damage that are kept off, below 0 for what hurts more."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

BLOW = "blow"  # what a thing resists that has no element
ELEMENTS = ("", "fire", "cold", "poison", "light")
RESISTED = (BLOW, *ELEMENTS[1:])
WORN_RESIST_MAX = 75  # percent, that all one wears keeps off together

Percent = Annotated[int, msgspec.Meta(ge=-100, le=100)]


def resisted(damage: int, element: str, resists: Mapping[str, int]) -> int:
    """The damage that is left: none where all of it is kept off, else at least 1."""
    percent = 100 - max(-100, min(100, resists.get(element or BLOW, 0)))
    return max(1, damage * percent // 100) if percent and damage > 0 else 0


def faults_of(element: str, resists: Mapping[str, int]) -> dict[str, bool]:
    """What is wrong with an element and with what is resisted, sentences and whether they are true."""
    known, resistible = ", ".join(ELEMENTS[1:]), ", ".join(RESISTED)
    return {
        f"element: there is no {element!r}, expected one of {known}": element not in ELEMENTS,
        **{f"resists: there is no {one!r}, expected one of {resistible}": one not in RESISTED for one in resists},
    }
