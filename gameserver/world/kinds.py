"""What kinds of creature exist, and how strong each is.

The numbers are balanced for one player with 100 hp, attack 10, defence 2 and one blow per second: who begins a fight
with full health survives it, ever more narrowly down the table. ``tests/unit/world/test_kinds.py`` holds them to it.
"""

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """One kind of creature; ``reach`` and ``sight`` are in tiles, ``xp`` is what its killer earns.

    An ``aggressive`` kind attacks whom it sees; any other only strikes back.
    """

    name: str
    title: str
    hp_max: int
    attack: int
    defence: int
    reach: int
    sight: int
    xp: int
    aggressive: bool
    act_every_ms: int
    respawn_s: int


_ALL = (
    Kind(
        name="rat",
        title="Rat",
        hp_max=12,
        attack=4,
        defence=0,
        reach=1,
        sight=3,
        xp=5,
        aggressive=False,
        act_every_ms=1500,
        respawn_s=20,
    ),
    Kind(
        name="boar",
        title="Wild Boar",
        hp_max=40,
        attack=6,
        defence=2,
        reach=1,
        sight=4,
        xp=15,
        aggressive=False,
        act_every_ms=1500,
        respawn_s=40,
    ),
    Kind(
        name="spider",
        title="Giant Spider",
        hp_max=25,
        attack=9,
        defence=1,
        reach=1,
        sight=4,
        xp=20,
        aggressive=True,
        act_every_ms=1000,
        respawn_s=45,
    ),
    Kind(
        name="wolf",
        title="Wolf",
        hp_max=35,
        attack=8,
        defence=1,
        reach=1,
        sight=6,
        xp=25,
        aggressive=True,
        act_every_ms=1000,
        respawn_s=60,
    ),
    Kind(
        name="skeleton",
        title="Skeleton",
        hp_max=55,
        attack=10,
        defence=3,
        reach=1,
        sight=5,
        xp=40,
        aggressive=True,
        act_every_ms=1500,
        respawn_s=90,
    ),
    Kind(
        name="bandit",  # throws knives, hence the reach
        title="Bandit",
        hp_max=60,
        attack=8,
        defence=2,
        reach=2,
        sight=6,
        xp=45,
        aggressive=True,
        act_every_ms=1000,
        respawn_s=120,
    ),
    Kind(
        name="troll",
        title="Cave Troll",
        hp_max=100,
        attack=12,
        defence=4,
        reach=1,
        sight=5,
        xp=100,
        aggressive=True,
        act_every_ms=2000,
        respawn_s=300,
    ),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}


def kind_of(name: str) -> Kind:
    """A kind; of one that is gone (another version has it, or had it) something that stands there and does no harm."""
    return KINDS.get(name) or Kind(
        name=name,
        title=name.capitalize(),
        hp_max=1,
        attack=0,
        defence=0,
        reach=0,
        sight=0,
        xp=0,
        aggressive=False,
        act_every_ms=60_000,
        respawn_s=60,
    )
