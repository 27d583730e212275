"""Ports for what a test starts."""

import secrets

from gameserver.errors import Corrupt
from gameserver.local.ports import LOCAL, is_free

# Below what Linux hands out to outgoing connections (32768 and up), or a test would lose a port it has just chosen.
FREE_PORTS = range(20_000, 32_000)
TRIES_MAX = 1_000


def free_ports(count: int) -> list[int]:
    """Return ports that are free just now, chosen by chance so that two runs at once rarely meet.

    Raises ``Corrupt`` (code ``port_taken``).
    """
    chance = secrets.SystemRandom()
    found: set[int] = set()
    for _ in range(TRIES_MAX):
        port = chance.choice(FREE_PORTS)
        if is_free(LOCAL, port):
            found.add(port)
        if len(found) == count:
            return sorted(found)
    raise Corrupt("port_taken", f"No {count} free ports between {FREE_PORTS.start} and {FREE_PORTS.stop}.")
