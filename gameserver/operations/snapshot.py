"""The state of a deployment at one moment, as its parts reported it."""

from collections import Counter

import msgspec

from gameserver.broker.connections import Depth


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway. ``answered``: events by family; ``replies``: how many within so many seconds, by family.

    ``skew_s``: how far its machine's clock is ahead of server time. ``connections_max``: how many it lets in, 0 when it
    does not say. ``batches``: how many it published, by task.
    """

    name: str
    connections: int
    players: int
    cpu_s: float
    refused: int
    waiting: dict[str, int]
    oldest_s: dict[str, float]
    unavailable: tuple[str, ...]
    answered: dict[str, int]
    replies: dict[str, dict[float, int]]
    skew_s: float = 0.0
    connections_max: int = 0
    batches: dict[str, int] = {}


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """One worker, since its start and by family: ``events`` that were finished, and how long it worked.

    ``ticks``: how many changed the world. ``skew_s``: how far its machine's clock is ahead of server time.
    ``beat_skew_s``: the same of beat's clock, computed from the ticks that the worker received.
    """

    name: str
    children: int
    queues: tuple[str, ...]
    events: dict[str, int]
    busy_s: dict[str, float]
    ticks: int = 0
    skew_s: float = 0.0
    beat_skew_s: float = 0.0


class Flight(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds the batches under way: ``batches_max`` of each type of event in each queue, from each gateway.

    ``queues``: task -> in how many queues its events may wait.
    """

    batches_max: int = 0
    queues: dict[str, int] = {}


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """The database server's connections, 0 where there is none. ``fault``: why it did not say, "" when it did."""

    connections: int = 0
    connections_max: int = 0
    fault: str = ""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the broker: its descriptors, of which each connection takes one; 0 where it does not say."""

    name: str
    fd_used: int = 0
    fd_total: int = 0
    sockets_used: int = 0
    sockets_total: int = 0


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker's management says, nothing where its address is not given. ``fault``: why it did not say."""

    nodes: tuple[Node, ...] = ()
    fault: str = ""


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """The disk of this machine's state folder, in bytes."""

    folder: str = ""
    free_bytes: int = 0
    total_bytes: int = 0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment at one moment.

    ``families``: the queues of each family. ``dead``: dead letters of the last hour, ``None`` when the database did not
    answer. ``in_dead``: messages in the broker's queue ``dead``, whatever they are. ``unread``: events and rows of the
    outbox that wait because no worker that took them could read them.
    """

    at_s: float
    families: dict[str, tuple[str, ...]]
    gateways: tuple[Gateway, ...]
    workers: tuple[Worker, ...]
    depths: dict[str, Depth]
    dead: int | None
    in_dead: int
    unread: int = 0
    flight: Flight = Flight()
    database: Database = Database()
    broker: Broker = Broker()
    disk: Disk = Disk()
    connections_wanted: int = 0  # what the settings want a gateway to let in

    @property
    def beat_skew_s(self) -> float:
        """How far beat's clock is ahead of server time; of several beats, the one that is farthest off."""
        return max((worker.beat_skew_s for worker in self.workers), key=abs, default=0.0)

    @property
    def children(self) -> int:
        """Count the children of all workers."""
        return sum(worker.children for worker in self.workers)

    @property
    def names(self) -> frozenset[str]:
        """The gateways and workers that answered."""
        return frozenset(gateway.name for gateway in self.gateways) | {worker.name for worker in self.workers}

    @property
    def is_complete(self) -> bool:
        """Whether there is a gateway, and as many workers for each queue as the broker counts."""
        taken = Counter(queue for worker in self.workers for queue in worker.queues)
        served = (
            taken[name] >= self.depths[name].consumers
            for names in self.families.values()
            for name in names
            if name in self.depths
        )
        return bool(self.gateways) and bool(self.workers) and all(served)

    def serving(self, family: str) -> tuple[Worker, ...]:
        """List the workers that consume any of a family's queues."""
        return tuple(worker for worker in self.workers if set(worker.queues) & set(self.families[family]))

    def unserved(self, family: str) -> tuple[str, ...]:
        """List the family's queues that no worker consumes."""
        taken = {queue for worker in self.workers for queue in worker.queues}
        return tuple(queue for queue in self.families[family] if queue not in taken)

    def oldest_s(self, family: str) -> float:
        """Find the age of a family's oldest unanswered event; 0 when all are answered."""
        return max((gateway.oldest_s.get(family, 0.0) for gateway in self.gateways), default=0.0)

    def waiting(self, family: str) -> int:
        """Count the family's unanswered events."""
        return sum(gateway.waiting.get(family, 0) for gateway in self.gateways)

    def batches(self, family: str) -> int:
        """Count the batches in the family's queues."""
        return sum(self.depths[queue].messages for queue in self.families[family] if queue in self.depths)
