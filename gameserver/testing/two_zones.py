"""Scenes in a small world: two zones, a portal between them, walls and creatures at known places.

It is ``scenes`` with this world in place of the game's own, for tests that need to know what stands where.

def test_a_blow_reaches_the_neighbouring_tile():
    ada, rat = player(), creature(x=13, y=10)
    outcome = play(Attack(target=rat.id), state(ada, rat), circumstances(ada))
    assert put(outcome, rat.id).hp < rat.hp
"""

from typing import Any

from msgspec.structs import replace

from gameserver.declare.entity import Entity
from gameserver.maps.kinds import KINDS
from gameserver.maps.world import CreatureSpawn, Portal, World, Zone
from gameserver.modules.movement.entities import Creature, Player
from gameserver.modules.trade.entities import Purse
from gameserver.rules.outcome import Outcome, State
from gameserver.testing import scenes
from gameserver.testing.scenes import (
    NOW_MS,
    QuickPasswords,
    StateReader,
    absent,
    account_of,
    circumstances,
    cut_off,
    fold,
    play,
    session_of,
    told,
)

__all__ = [
    "NOW_MS",
    "QuickPasswords",
    "StateReader",
    "absent",
    "account_of",
    "circumstances",
    "cut_off",
    "fold",
    "play",
    "session_of",
    "told",
]

MEADOW = Zone(
    name="meadow",
    title="The Meadow",
    width=32,
    height=20,
    walls=frozenset({(5, 5), (6, 5), (7, 5)}),
    spawns=((2, 2), (3, 2)),
    portals={(31, 10): Portal("town", 1, 1)},
    safe=False,
    creatures=(CreatureSpawn("meadow.rat.1", "rat", 12, 12), CreatureSpawn("meadow.wolf.2", "wolf", 26, 3)),
)
TOWN = Zone(
    name="town",
    title="The Town",
    width=12,
    height=12,
    walls=frozenset({(0, 0)}),
    spawns=((4, 4),),
    portals={(0, 1): Portal("meadow", 30, 10)},
    safe=True,
    creatures=(CreatureSpawn("town.rat.1", "rat", 6, 6),),
)
WORLD = World(zones={"meadow": MEADOW, "town": TOWN}, start="meadow")


def player(name: str = "Ada", **changes: Any) -> Player:
    """Make a player in the middle of the meadow, in the world over connection ``c-ada`` of gateway ``g1``."""
    return scenes.player(name, **{"zone": "meadow", "x": 12, "y": 10, **changes})


def creature(id_: str = "meadow.rat.1", **changes: Any) -> Creature:
    """Make a creature in full health, beside the player; its kind stands in its id."""
    zone, kind, _ = id_.split(".")
    return replace(Creature(id=id_, kind=kind, zone=zone, x=13, y=10, hp=KINDS[kind].hp_max, v=1), **changes)


def state(*things: Entity, **loaded: Any) -> State:
    """Fill a state of the two zones."""
    return scenes.state(*things, **{"world": WORLD, **loaded})


def put(outcome: Outcome, id_: str) -> Any:
    """Return the one body, or purse, that an outcome puts under this id."""
    (body,) = [thing for thing in outcome.put if thing.id == id_ and isinstance(thing, Player | Creature | Purse)]
    return body
