"""What a player's weapon and armour do beside adding to attack and defence, kept with the player's strength.

Who fights need not know of things: the module that lets players wear them writes it there.
"""

from functools import lru_cache

import msgspec

REACH = 1  # tiles, of a hand
NOTHING = ""


class Gear(msgspec.Struct, frozen=True, omit_defaults=True):
    """``reach`` in tiles; ``sweeps``: the radius of a blow that strikes all near, 0 for none; ``element`` of blows.

    ``inflicts``: an effect that a blow leaves, so often of 1,000 times. ``resists``: percents, by element.
    """

    reach: int = REACH
    sweeps: int = 0
    element: str = ""
    inflicts: str = ""
    inflicts_permille: int = 0
    resists: dict[str, int] = {}


@lru_cache(maxsize=256)
def gear_in(text: str) -> Gear:
    """Read gear from the field in which it is kept."""
    return msgspec.json.decode(text, type=Gear) if text else Gear()


def written(gear: Gear) -> str:
    """Write gear into the field in which it is kept."""
    return NOTHING if gear == Gear() else msgspec.json.encode(gear).decode()
