"""Computes the table of docs/capacity.md: what 1,000, 10,000 and 100,000 players need. Nothing of it is measured.

What it is computed from was measured, once: where stands in docs/capacity.md. Counts that the code decides are taken
from the code.
"""

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from gameserver.broker.topology import PARTS_MAX
from gameserver.declare import catalogue
from gameserver.limits import Limits
from gameserver.store.engine import CONNECTIONS_MAX

PLAYERS = (1_000, 10_000, 100_000)

# Assumed.
MOVES_PER_S = 2.0  # of each player, each seen by 20
BUSY = 0.7  # how much of a processor is planned for
BROKERS = 3  # a cluster goes on when one is gone
BEATS = 2
SPARE_GATEWAYS = 1
OTHER_FAMILIES = len(catalogue.families()) - 1  # than movement; they have little to do
COMMANDS = 20  # connections to the database for commands and people

# Measured: processor seconds per 1,000 moves, ...
GATEWAY_S, BROKER_S, CHILD_S = 0.082, 0.025, 0.083
# ... megabytes (PSS) of each process, and of each 1,000 players in a gateway, ...
GATEWAY_MB, WORKER_MB, CHILD_MB, BEAT_MB, FLOWER_MB, BROKER_MB = 42, 37, 37, 69, 144, 115
PLAYERS_MB = 8
# ... and connections to the broker.
AMQP_OF_WORKER, AMQP_OF_CHILD, AMQP_OF_GATEWAY, AMQP_OF_BEAT, AMQP_OF_FLOWER = 3, 1, 1, 1, 8


class Size(NamedTuple):
    """A deployment for so many players, in which each worker has one child."""

    players: int

    @property
    def moves_k(self) -> float:
        """Thousands of moves per second."""
        return self.players * MOVES_PER_S / 1_000

    @property
    def gateways(self) -> int:
        """By the processor and by connections, and one more than needed."""
        by_connections = ceil(self.players / Limits().connections_max)
        return max(ceil(self.moves_k * GATEWAY_S / BUSY), by_connections) + SPARE_GATEWAYS

    @property
    def movers(self) -> int:
        """Children for movement."""
        return ceil(self.moves_k * CHILD_S / BUSY)

    @property
    def children(self) -> int:
        """With one for each other family."""
        return self.movers + OTHER_FAMILIES

    @property
    def parts(self) -> int:
        """Into how many queues movement is split: each uses one processor of the broker."""
        return min(PARTS_MAX, ceil(self.moves_k * BROKER_S / BUSY))

    @property
    def flight(self) -> int:
        """Batches of moves under way at most, and so children that can be busy with them."""
        return self.gateways * self.parts * Limits().batches_in_flight_max

    @property
    def amqp(self) -> int:
        """Connections to the broker."""
        workers = self.children * (AMQP_OF_WORKER + AMQP_OF_CHILD)
        return workers + self.gateways * AMQP_OF_GATEWAY + BEATS * AMQP_OF_BEAT + AMQP_OF_FLOWER

    @property
    def database(self) -> int:
        """Connections to the database at most."""
        return self.children * CONNECTIONS_MAX + COMMANDS

    @property
    def cores(self) -> float:
        """Processors without the database's."""
        return self.moves_k * (GATEWAY_S + BROKER_S + CHILD_S) / BUSY

    @property
    def memory_gb(self) -> float:
        """Memory without the database's."""
        gateways = self.gateways * GATEWAY_MB + self.players / 1_000 * PLAYERS_MB
        workers = self.children * (WORKER_MB + CHILD_MB)
        return (gateways + workers + BEATS * BEAT_MB + FLOWER_MB + BROKERS * BROKER_MB) / 1_000


ROWS: tuple[tuple[str, Callable[[Size], str], str], ...] = (
    ("moves per second", lambda size: f"{size.moves_k * 1_000:,.0f}", f"players x {MOVES_PER_S:g}"),
    (
        "gateways",
        lambda size: f"{size.gateways}",
        f"moves / 1,000 x {GATEWAY_S} s / {BUSY}, at least players / {Limits().connections_max:,}; and "
        f"{SPARE_GATEWAYS} more",
    ),
    ("movement's children", lambda size: f"{size.movers}", f"moves / 1,000 x {CHILD_S} s / {BUSY}"),
    (
        "children of all families",
        lambda size: f"{size.children}",
        f"movement's, and one for each of {OTHER_FAMILIES} other families",
    ),
    ("queues of movement", lambda size: f"{size.parts}", f"moves / 1,000 x {BROKER_S} s / {BUSY}; at most {PARTS_MAX}"),
    (
        "movement's children that can be busy",
        lambda size: f"{size.flight}",
        f"gateways x queues x {Limits().batches_in_flight_max} (`batches_in_flight_max`)",
    ),
    ("brokers", lambda _: f"{BROKERS}", "a cluster, which goes on without one of them"),
    (
        "connections to the brokers",
        lambda size: f"{size.amqp}",
        f"workers x {AMQP_OF_WORKER} + children x {AMQP_OF_CHILD} + gateways x {AMQP_OF_GATEWAY} + beats x "
        f"{AMQP_OF_BEAT} + {AMQP_OF_FLOWER} of Flower",
    ),
    (
        "connections to the database, at most",
        lambda size: f"{size.database}",
        f"children x {CONNECTIONS_MAX} + {COMMANDS} for commands",
    ),
    (
        "processors, without the database's",
        lambda size: f"{size.cores:.1f}",
        f"moves / 1,000 x ({GATEWAY_S} + {BROKER_S} + {CHILD_S}) s / {BUSY}",
    ),
    (
        "memory (GB), without the database's",
        lambda size: f"{size.memory_gb:.1f}",
        f"MB: gateways x {GATEWAY_MB} + players x {PLAYERS_MB / 1_000:g} + workers x {WORKER_MB} + children x "
        f"{CHILD_MB} + beats x {BEAT_MB} + {FLOWER_MB} of Flower + brokers x {BROKER_MB}",
    ),
)


def table() -> str:
    """Make the table."""
    sizes = [Size(players) for players in PLAYERS]
    head = " | ".join(f"{players:,}" for players in PLAYERS)
    lines = [f"| players | {head} | calculated as |", f"|---|{'---|' * len(PLAYERS)}---|"]
    lines += [f"| {what} | {' | '.join(value(size) for size in sizes)} | {how} |" for what, value, how in ROWS]
    return "\n".join(lines)
