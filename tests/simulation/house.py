"""The house in one process, and an adversary between its parts.

Gateways (hubs), process server and rules are the real ones; the queue between them delivers out of order, twice, late
or after its worker died half way; connections of gateways to it break; gateways die. Time passes when the simulation
says.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
from cryptography.fernet import Fernet
from twisted.internet import defer
from twisted.internet.task import Clock

from gameserver.apply import Applier
from gameserver.events.envelope import GATEWAYS as EVERYONE
from gameserver.events.envelope import Outbound
from gameserver.events.message import TaskMessage
from gameserver.limits import Limits
from gameserver.rules.book import rules
from gameserver.secrecy import Sealer, token_hash
from gameserver.topology import DELAYS_MS, EVENTS, Queues, delay_name, gateway_queue
from gameserver.world.maps import World, Zone
from gateway.broker import Away
from gateway.hub import Hub
from tasks.server import Server
from tests.chaos.records import Diary
from tests.simulation.memory_store import MemoryStore
from tests.simulation.player import SimulatedPlayer

EPOCH_S = 1_800_000_000.0
KEY = Fernet.generate_key()
GATEWAYS = 2
LIMITS = Limits(packets_per_s=1e6, packets_burst=1_000_000, ask_again_after_s=1e9, login_s_max=1e9, idle_s_max=1e9)
WORLD = World(
    zones={
        "field": Zone(
            name="field",
            title="Field",
            width=8,
            height=8,
            walls=frozenset(),
            spawns=((1, 1), (6, 6)),
            portals={},
            safe=True,
            creatures=(),
        )
    },
    start="field",
)
_DELAYS_S = {delay_name(ms): ms / 1000 for ms in DELAYS_MS}


class Crash(BaseException):
    """A worker dies. Not an ``Exception``: nothing in the house may catch it."""


class PlainPasswords:
    """No hashing: it would be most of the time."""

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def verify(self, password_hash: str, password: str) -> bool:
        return password_hash == f"hash of {password}"

    def digest(self, token: str) -> str:
        return token_hash(token)


class Parcel(msgspec.Struct):
    """A task in the queue. ``ready_s``: not before then."""

    message: TaskMessage
    ready_s: float
    redelivered: bool = False


class SimulatedBroker:
    """A gateway's side of the queue."""

    def __init__(self, house: "SimulatedHouse", name: str) -> None:
        self._house = house
        self.name = name
        self.up = True
        self.keys = {gateway_queue(name), EVERYONE}
        self.inbox: list[Outbound] = []

    def publish(self, message: TaskMessage, queue: str) -> "defer.Deferred[None]":
        if not self.up:
            return defer.fail(Away())
        dice = self._house.rng.random()
        if self._house.rough and dice < 0.02:
            return defer.fail(Away())  # it never arrived
        self._house.parcels.append(Parcel(message, self._house.clock.seconds()))
        if self._house.rough and dice < 0.04:
            return defer.fail(Away())  # it arrived, and nobody said so
        return defer.succeed(None)

    def bind(self, key: str) -> "defer.Deferred[None]":
        self.keys.add(key)
        return defer.succeed(None)

    def unbind(self, key: str) -> "defer.Deferred[None]":
        self.keys.discard(key)
        return defer.succeed(None)


class SimulatedHouse:
    """Everything, and a seed. ``rough``: whether the adversary is at work."""

    def __init__(self, seed: int, players: int, actions: int) -> None:
        self.rng = Random(f"simulation {seed}")
        self.rough = True
        self.clock = Clock()
        self.parcels: list[Parcel] = []
        self.store = MemoryStore(WORLD)
        self.diary = Diary(actions=[], heard={}, received={}, sessions_lost=[])
        self._crash_in = 0  # how many publishes until the worker dies; 0: it lives
        self._minted = 0
        self._ticked = 0
        self.server = self._make_server()
        self.hubs: list[Hub] = []
        self.brokers: list[SimulatedBroker] = []
        for n in range(GATEWAYS):
            self._open_gateway(n)
        names = [f"player{n}" for n in range(players)]
        self.players = [SimulatedPlayer(name, names, actions, self) for name in names]

    def _make_server(self) -> Server:
        store: Any = self.store
        applier = Applier(
            store=store,
            rules=rules(),
            passwords=PlainPasswords(),
            sealer=Sealer(KEY),
            limits=LIMITS,
            clock_ms=self.now_ms,
        )
        publisher: Any = self
        return Server(
            applier=applier,
            store=store,
            publisher=publisher,
            queues=Queues(),
            origin="simulation",
            clock_ms=self.now_ms,
            clock_s=self.clock.seconds,
            pause=lambda seconds: None,
        )

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int((EPOCH_S + self.clock.seconds()) * 1000)

    def _mint(self, size: int) -> str:
        self._minted += 1
        return f"{self._minted:06d}-{self.rng.randrange(10**9)}"

    def _open_gateway(self, n: int) -> None:
        name = f"gateway{n}-{self._mint(1)}"
        hub = Hub(
            clock=self.clock,
            gateway=name,
            limits=LIMITS,
            queues=Queues(),
            sealer=Sealer(KEY),
            wall_ms=self.now_ms,
            mint=self._mint,
        )
        broker = SimulatedBroker(self, name)
        hub.use(broker)  # type: ignore[arg-type]
        self.hubs[n : n + 1] = [hub]
        self.brokers[n : n + 1] = [broker]
        hub.broker_up()

    # What the process server publishes with.

    def outbound(self, outbound: Outbound, keys: Sequence[str]) -> None:
        """Tell gateways."""
        self._maybe_crash()
        for broker in self.brokers:
            if broker.keys & set(keys):
                broker.inbox.append(outbound)

    def task(self, message: TaskMessage, queue: str, exchange: str = EVENTS) -> None:
        """Put a batch into the queue."""
        self._maybe_crash()
        self.parcels.append(Parcel(message, self.clock.seconds() + _DELAYS_S.get(exchange, 0.0)))

    def _maybe_crash(self) -> None:
        if self._crash_in:
            self._crash_in -= 1
            if not self._crash_in:
                raise Crash()

    # What happens, step by step.

    def step(self) -> None:
        """One thing happens, by chance."""
        dice = self.rng.random()
        if dice < 0.30:
            self.rng.choice(self.players).act()
        elif dice < 0.60:
            self._work()
        elif dice < 0.85:
            self._hear()
        else:
            self.pass_time(self.rng.choice((0.001, 0.01, 0.1)))
        if self.rough and self.rng.random() < 0.01:
            self._trouble()

    def _work(self) -> None:
        """A worker takes any task that is ready: priorities, redeliveries and competing workers know no order."""
        ready = [parcel for parcel in self.parcels if parcel.ready_s <= self.clock.seconds()]
        if not ready:
            return
        parcel = self.rng.choice(ready)
        headers = parcel.message.headers
        self._crash_in = self.rng.choice((1, 2)) if self.rough and self.rng.random() < 0.06 else 0
        try:
            (batch,), _, _ = msgspec.json.decode(parcel.message.body)
            tried = bool(headers["attempts"])
            self.server.handle(batch, task_id=headers["id"], tried=tried, redelivered=parcel.redelivered)
        except Crash:
            parcel.redelivered = True
            return
        finally:
            self._crash_in = 0
        if self.rough and self.rng.random() < 0.04:
            parcel.redelivered = True  # it was done, but its acknowledgement was lost
        else:
            self.parcels.remove(parcel)

    def _hear(self) -> None:
        """A gateway hears what comes next in its queue."""
        n = self.rng.randrange(GATEWAYS)
        if self.brokers[n].up and self.brokers[n].inbox:
            self.hubs[n].outbound(self.brokers[n].inbox.pop(0))

    def _trouble(self) -> None:
        n = self.rng.randrange(GATEWAYS)
        trouble = self.rng.choice((self._cut, self._mend, self._kill_gateway, self._hang_up))
        trouble(n)

    def _cut(self, n: int) -> None:
        """A gateway loses its broker, and what the broker held for it."""
        if self.brokers[n].up:
            self.brokers[n].up = False
            self.brokers[n].inbox.clear()
            self.hubs[n].broker_down()

    def _mend(self, n: int) -> None:
        if not self.brokers[n].up:
            self.brokers[n].up = True
            self.hubs[n].broker_up()

    def _kill_gateway(self, n: int) -> None:
        """A gateway dies without a word; another comes up in its place."""
        dead = self.hubs[n]
        self._open_gateway(n)
        for player in self.players:
            if player.hub is dead:
                player.lose_connection()

    def _hang_up(self, n: int) -> None:
        """A client's connection breaks."""
        player = self.rng.choice(self.players)
        if player.hub is not None and player.session is not None:
            hub, session = player.hub, player.session
            player.lose_connection()
            hub.ended(session)

    def pass_time(self, seconds: float) -> None:
        """Time passes: timers fire, heartbeats and sweeps come due."""
        self.clock.advance(seconds)
        if int(self.clock.seconds()) > self._ticked:
            self._ticked = int(self.clock.seconds())
            for hub in self.hubs:
                hub.sweep()
                hub.heartbeat()
            self._sweep()

    def _sweep(self) -> None:
        now_ms = self.now_ms()
        body = {"id": f"sweep:{self._ticked}", "event": {"type": "sweep", "n": self._ticked}, "at_ms": now_ms}
        try:
            self.server.handle([body], task_id=body["id"], tried=False, redelivered=False)
        except Crash:
            return

    def settle(self, rounds_max: int = 3_000) -> bool:
        """The adversary rests. Returns whether everything comes to its end."""
        self.rough = False
        for n in range(GATEWAYS):
            self._mend(n)
        for _ in range(rounds_max):
            if not self.parcels and not any(broker.inbox for broker in self.brokers):
                if all(player.content for player in self.players) and not self.store.outbox:
                    return True
                self.pass_time(0.25)
            for player in self.players:
                player.act()
            self._work()
            self._hear()
            self.pass_time(0.005)
        return False
