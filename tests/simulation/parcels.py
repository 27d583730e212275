"""The queue between gateways and processes: it delivers out of order, late, twice, or not at all while it is away."""

from typing import Any

import msgspec
from twisted.internet import defer

from gameserver.broker.gateway_routing import GATEWAYS, gateway_key
from gameserver.declare import catalogue
from gameserver.messages.outbound import BatchResult
from gameserver.messages.task_message import TaskMessage
from gateway.amqp.broker import Away, Busy, Unroutable
from tests.simulation.story import Chances

PUBLISH_CONFIRM_TIMEOUT_S = 10.0  # after which a gateway no longer waits to hear that a message was taken


class Parcel(msgspec.Struct):
    """A task in the queue. ``ready_s``: not before then; ``expires_s``: not after. ``held``: a worker has it."""

    message: TaskMessage
    ready_s: float
    expires_s: float = float("inf")
    redelivered: bool = False
    held: Any = None

    @property
    def event(self) -> str:
        """The name of its events' type."""
        return str(self.message.headers["task"]).rpartition(".")[2]

    @property
    def ids(self) -> list[str]:
        """The ids of its events."""
        (batch,), _, _ = msgspec.json.decode(self.message.body)
        return [str(envelope["id"]) for envelope in batch]

    @property
    def family(self) -> str:
        """The queue that it waits in."""
        return str(self.message.headers["task"]).partition(".")[0]


class Parcels:
    """All queues of events. ``full`` and ``missing``: families, and until when theirs refuses, or is not there.

    ``revoked``: ids of tasks that an operator revoked: whatever comes under them is thrown away. ``lost``: ids of tasks
    and events that went lost in a queue, as they may: revoked, expired, or transient when the broker died.
    ``overtaken``: ids of those whose worker failed when another had them already. What it counted late stays, until it
    is pruned: nobody comes who would forget it.
    """

    def __init__(self) -> None:
        self.waiting: list[Parcel] = []
        self.full: dict[str, float] = {}
        self.missing: dict[str, float] = {}
        self.served_again_s: dict[str, float] = {}  # by family, those without a worker until then
        self.revoked: set[str] = set()
        self.lost: set[str] = set()
        self.overtaken: set[str] = set()
        self.away_until_s = 0.0

    def put(self, message: TaskMessage, ready_s: float, expires_s: float = float("inf")) -> None:
        """A message arrives."""
        self.waiting.append(Parcel(message, ready_s, expires_s))

    def refusal(self, family: str, now_s: float) -> Exception | None:
        """Why a message of a family is refused."""
        if self.full.get(family, 0.0) > now_s:
            return Busy()
        return Unroutable() if self.missing.get(family, 0.0) > now_s else None

    def ready(self, now_s: float) -> list[Parcel]:
        """What a worker may take now."""
        if self.away_until_s > now_s:
            return []
        self._drop([p for p in self.waiting if not p.held and self._is_gone(p, now_s)])
        return [
            parcel
            for parcel in self.waiting
            if parcel.held is None and parcel.ready_s <= now_s and self.served_again_s.get(parcel.family, 0.0) <= now_s
        ]

    def _is_gone(self, parcel: Parcel, now_s: float) -> bool:
        return parcel.expires_s < now_s or parcel.message.task_id in self.revoked

    def _drop(self, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            self.waiting.remove(parcel)
            self.lost |= {parcel.message.task_id, *parcel.ids}

    def done(self, parcel: Parcel) -> None:
        """It was acknowledged."""
        if parcel in self.waiting:
            self.waiting.remove(parcel)

    def restart(self) -> None:
        """The broker dies and comes back: what is not persistent is gone, what anyone held is delivered again."""
        self._drop([parcel for parcel in self.waiting if not parcel.message.persistent])
        for parcel in self.waiting:
            parcel.redelivered = parcel.redelivered or parcel.held is not None
            parcel.held = None


class SimulatedBroker:
    """A gateway's side of the queue."""

    def __init__(self, cluster: Any, name: str) -> None:
        self._cluster = cluster
        self._parcels: Parcels = cluster.parcels
        self._chances: Chances = cluster.story.chances
        self.name = name
        self.up = True
        self.blocked = False
        self.keys = {gateway_key(name), GATEWAYS}
        self.inbox: list[BatchResult] = []
        self.up_since_s = cluster.now_s()

    def publish(self, message: TaskMessage, queue: str) -> "defer.Deferred[None]":
        if not self.up:
            return defer.fail(Away())
        now_s = self._cluster.now_s()
        refusal = self._parcels.refusal(message.headers["task"].partition(".")[0], now_s)
        if refusal is not None:
            self._cluster.count("refused publishes")
            return defer.fail(refusal)
        if self._cluster.chance(self._chances.publish_lost):
            return defer.fail(Away())  # it never arrived
        self._parcels.put(message, now_s + self._cluster.delay())
        if self._cluster.chance(self._chances.confirm_lost):
            return self._in_vain()
        return defer.succeed(None)

    def _in_vain(self) -> "defer.Deferred[None]":
        """It arrived, and nobody says so: at once, or when waiting for it is over."""
        if self._cluster.rng.random() < 0.5:
            return defer.fail(Away())
        uncertain: defer.Deferred[None] = defer.Deferred()
        self._cluster.clock.callLater(PUBLISH_CONFIRM_TIMEOUT_S, uncertain.errback, Away())
        return uncertain

    def bind(self, key: str) -> "defer.Deferred[None]":
        self.keys.add(key)
        return defer.succeed(None)

    def restore(self) -> "defer.Deferred[bool]":
        """Nothing is ever removed here."""
        return defer.succeed(False)

    def unbind(self, key: str) -> "defer.Deferred[None]":
        self.keys.discard(key)
        return defer.succeed(None)


FAMILIES = tuple(sorted(catalogue.families()))
