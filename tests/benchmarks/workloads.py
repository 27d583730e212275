"""What players do: groups of clients for the load generator."""

import random
from typing import Any, get_args

from gameserver.modules.movement.events import Direction
from tests.benchmarks import zones
from tests.benchmarks.load import Group

STEPS = [{"type": "move", "dir": "e"}, {"type": "move", "dir": "w"}]
LINES = ("Hello.", "Has anybody seen the miller?", "Two wolves, east of the bridge, and I have no arrows left.")
MEMBERS = 20  # of a channel
WATCHED_ZONES_MIN = 8  # all of them, if there are no more
WATCHED_EVERY_MAX = 10  # zones
PARTS = 50  # how many different sequences of deeds there are


def walk(clients: int, rate: float, *, begin: int = 0) -> list[Group]:
    """Everybody walks to and fro, seen by all of the zone; of one in so many zones it is measured when."""
    every = max(1, min(WATCHED_EVERY_MAX, clients // zones.CROWD // WATCHED_ZONES_MIN))
    crowds = range(begin, begin + clients, every * zones.CROWD)
    watched = [zones.names(first, zones.CROWD) for first in crowds]
    return [_group("walk", begin, clients, rate, STEPS, by_place=True, watched=watched)]


def chat(clients: int, rate: float, *, begin: int = 0) -> list[Group]:
    """Everybody speaks, now to the zone's crowd, now to a channel of as many. Both are durable."""
    groups = []
    for n in range(0, clients, MEMBERS):
        channel = f"c{(begin + n) // MEMBERS}"
        talk = [{"type": "say", "text": text} for text in LINES]
        talk += [{"type": "talk", "channel": channel, "text": text} for text in LINES]
        join = [{"type": "join", "channel": channel}]
        groups.append(_group("chat", begin + n, min(MEMBERS, clients - n), rate, talk, first=join))
    return groups


def typing(clients: int, rate: float) -> list[Group]:
    """People at terminals: they walk to and fro, and speak now and then."""
    lines = ["e", "w", "e", "w", f"'{LINES[1]}"]
    return [_group("telnet", 0, clients, rate, [{"type": "typed", "text": line} for line in lines])]


def mixed(clients: int, rate: float) -> list[Group]:
    """The game: walking about and into walls, talking, striking at what may not be there."""
    rng = random.Random(2)
    each = -(-clients // PARTS)
    parts = [(n, min(each, clients - n)) for n in range(0, clients, each)]
    return [_group("mixed", n, count, rate, _deeds(rng), refusals_count=True) for n, count in parts]


def _deeds(rng: random.Random) -> list[dict[str, Any]]:
    def deed() -> dict[str, Any]:
        what = rng.choices(("move", "say", "shout", "attack", "look", "who"), (80, 8, 2, 6, 3, 1))[0]
        extra = {
            "move": {"dir": rng.choice(get_args(Direction))},
            "say": {"text": rng.choice(LINES)},
            "shout": {"text": rng.choice(LINES)},
            "attack": {"target": f"w{rng.randrange(200)}"},
        }
        return {"type": what, **extra.get(what, {})}

    return [deed() for _ in range(200)]


def storm(clients: int) -> list[Group]:
    """Everybody registers at once when the window begins."""
    names = [f"s{n}" for n in range(clients)]
    passwords = [zones.PASSWORD] * clients
    return [Group(name="storm", names=names, secrets=passwords, enter="register", rate=0.0, late=True, at_once=clients)]


def idle(clients: int, ping_s: float) -> list[Group]:
    """Everybody is in the world and keeps the connection alive."""
    return [_group("idle", 0, clients, 0.0, [], ping_s=ping_s)]


def _group(name: str, begin: int, count: int, rate: float, packets: list[dict[str, Any]], **options: Any) -> Group:
    names = zones.names(begin, count)
    secrets = [zones.token(name) for name in names]
    return Group(name=name, names=names, secrets=secrets, rate=rate, packets=packets, **options)
