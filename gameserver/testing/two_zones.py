"""Scenes in a small world: two zones, a portal between them, walls and creatures at known places.

It is ``scenes`` with this world in place of the game's own, for tests that need to know what stands where.

def test_a_blow_reaches_the_neighbouring_tile():
    ada, rat = player(), creature(x=13, y=10)
    outcome = play(Attack(target=rat.id), state(ada, rat), circumstances(ada))
    assert put(outcome, rat.id).hp < rat.hp
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from msgspec.structs import asdict, replace

from gameserver.declare.entity import Entity
from gameserver.declare.packet_parts import joined
from gameserver.maps.objects import Placed, World, Zone
from gameserver.modules.combat.creature_kinds import KINDS
from gameserver.modules.combat.entities import Creature
from gameserver.modules.combat.maps import Peace
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.movement.maps import Portal, Spawn
from gameserver.modules.sessions.entities import Account, Player, Session
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
from gameserver.testing.whole_entities import Whole, parts_of, wholes

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
    objects=(
        Placed("meadow.rat.1", 12, 12, Lair("rat")),
        Placed("meadow.wolf.2", 26, 3, Lair("wolf")),
        Placed("meadow.spawn.3", 2, 2, Spawn()),
        Placed("meadow.spawn.4", 3, 2, Spawn()),
        Placed("meadow.portal.5", 31, 10, Portal("town", 1, 1)),
    ),
)
TOWN = Zone(
    name="town",
    title="The Town",
    width=12,
    height=12,
    walls=frozenset({(0, 0)}),
    objects=(
        Placed("town.rat.1", 6, 6, Lair("rat")),
        Placed("town.spawn.2", 4, 4, Spawn()),
        Placed("town.portal.3", 0, 1, Portal("meadow", 30, 10)),
    ),
    properties=(Peace(safe=True),),
)
WORLD = World(zones={"meadow": MEADOW, "town": TOWN}, start="meadow")


def player(name: str = "Ada", **changes: Any) -> Whole:
    """Make a player in the middle of the meadow, in the world over connection ``c-ada`` of gateway ``g1``."""
    return scenes.player(name, **{"zone": "meadow", "x": 12, "y": 10, **changes})


def creature(id_: str = "meadow.rat.1", **changes: Any) -> Creature:
    """Make a creature in full health, beside the player; its kind stands in its id."""
    zone, kind, _ = id_.split(".")
    return replace(Creature(id=id_, kind=kind, zone=zone, x=13, y=10, hp=KINDS[kind].hp_max, v=1), **changes)


def state(*things: Entity | Whole, **loaded: Any) -> State:
    """Fill a state of the two zones."""
    return scenes.state(*things, **{"world": WORLD, **loaded})


def players(loaded: State) -> dict[str, Whole]:
    """The players of a state, with all that stands in their rows."""
    return wholes(loaded, Player)


def put_in(transaction: Any, put: Iterable[Entity | Whole], drop: Iterable[Entity | Whole]) -> None:
    """Save entities, players with all that stands in their rows."""
    transaction.save(parts_of(*put), [thing.parts[0] if isinstance(thing, Whole) else thing for thing in drop])


def replied(outcome: Outcome) -> Any:
    """What the sender of an event is told: its result, with all that modules add."""
    return joined(outcome.result, outcome.parts)


def put(outcome: Outcome, id_: str) -> Any:
    """What an outcome puts under this id, the fields of all parts of a record together."""
    parts = [thing for thing in outcome.put if thing.id == id_ and not isinstance(thing, Account | Session)]
    assert parts
    found = {name: value for part in parts for name, value in asdict(part).items()}
    return SimpleNamespace(**found, present=found.get("gateway", "") != "")
