"""What players do: groups of clients for the load generator."""

from tests.benchmarks import zones
from tests.benchmarks.load import Group


def walk(clients: int, rate: float, *, first: int = 0) -> list[Group]:
    """Everybody walks to and fro, seen by all of the zone."""
    names = zones.names(first, clients)
    steps = [{"type": "move", "dir": "e"}, {"type": "move", "dir": "w"}]
    return [
        Group(
            name="walk", names=names, secrets=[zones.token(n) for n in names], rate=rate, packets=steps, by_place=True
        )
    ]
