"""The benchmark's world: many small zones that hold one cell each, so that everybody in a zone sees everybody in it.

Players, sessions and tokens are put into the data tier beforehand, so that clients enter by ``resume``, which hashes no
password: login has a workload of its own.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gameserver.maps.objects import World
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.maps import Portal
from gameserver.modules.sessions.entities import Account, Player, Session
from gameserver.security.passwords import Argon2Passwords
from gameserver.security.tokens import token_hash
from gameserver.store import Store

CROWD = 20  # players in a zone
SIDE = 8  # tiles: one cell
PASSWORD = "a long secret"
ROWS_AT_ONCE = 5_000
_TILE = 16

Places = Callable[[int], tuple[str, int, int]]


def names(first: int, count: int) -> list[str]:
    """Players' names."""
    return [f"w{n}" for n in range(first, first + count)]


def token(name: str) -> str:
    """The token with which a seeded session is resumed."""
    return f"token-of-{name}"


def small(n: int, crowd: int = CROWD, side: int = SIDE) -> tuple[str, int, int]:
    """Where the n-th player stands: a zone, and a tile with an even x and room to the east, below the portals."""
    columns = side // 2 - 1
    k = n % crowd
    return f"z{n // crowd}", 2 * (k % columns), 1 + k // columns % (side - 1)


def spread(world: World) -> Places:
    """The same for a world with walls: anywhere where one can walk."""
    rng = random.Random(1)
    floor = [
        (zone.name, x, y)
        for zone in world.zones.values()
        for x in range(zone.width)
        for y in range(zone.height)
        if zone.walkable(x, y) and zone.on(Portal, x, y) is None
    ]
    rng.shuffle(floor)
    return lambda n: floor[n % len(floor)]


def write_zones(folder: Path, count: int, side: int = SIDE) -> Path:
    """Draw the zones, linked in a row by portals because every zone must be reachable. Gives the path of the world."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        (folder / f"z{n}.tmj").write_bytes(msgspec.json.encode(_zone(n, n + 1 < count, side)))
    world = folder / "zones.world"
    world.write_bytes(msgspec.json.encode({"maps": [{"fileName": f"z{n}.tmj"} for n in range(count)]}))
    return world


def _zone(n: int, leads_on: bool, side: int) -> dict[str, Any]:
    tiles = {"type": "tilelayer", "width": side, "height": side}
    portal = [("zone", f"z{n + 1}"), ("x", 0), ("y", 0)]
    return {
        "width": side,
        "height": side,
        "tilewidth": _TILE,
        "tileheight": _TILE,
        "properties": _properties([("title", f"Zone {n}"), ("safe", True), *([("start", True)] if n == 0 else [])]),
        "layers": [
            {**tiles, "name": "ground", "data": [1] * side**2},
            {**tiles, "name": "walls", "data": [0] * side**2},
            {
                "type": "objectgroup",
                "name": "objects",
                "objects": [_object(1, "spawn", 0), *([_object(2, "portal", side - 1, portal)] if leads_on else [])],
            },
        ],
    }


def _object(id_: int, kind: str, x: int, properties: Sequence[tuple[str, Any]] = ()) -> dict[str, Any]:
    place = {"x": x * _TILE, "y": 0, "width": _TILE, "height": _TILE}
    return {"id": id_, "type": kind, **place, "properties": _properties(properties)}


def _properties(pairs: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in pairs]


def seed(
    database_url: str,
    world: World,
    players: int,
    sessions: int,
    places: Places,
    passwords: Argon2Passwords | None = None,
) -> None:
    """Put players into the data tier, so many of them with sessions. All have one password, hashed once."""
    store = Store(database_url, world)
    password_hash = (passwords or Argon2Passwords()).hash(PASSWORD)
    for first in range(0, players, ROWS_AT_ONCE):
        things: list[Account | Player | Body | Session] = []
        for n in range(first, min(first + ROWS_AT_ONCE, players)):
            (name,) = names(n, 1)
            zone, x, y = places(n % sessions)
            things.append(Account(id=name, name=name, password_hash=password_hash, created_ms=0))
            things += [Player(id=name, name=name), Body(id=name, zone=zone, x=x, y=y)]
            things += [_session(name)] if n < sessions else []
        with store.transaction() as transaction:
            transaction.save(things, [])
    store.close()


def _session(name: str) -> Session:
    # Without an end, as if a connection held it: the benchmark may take longer than a session waits.
    return Session(id=f"seeded.{name}", player=name, gateway="", conn="", token=token_hash(token(name)))
