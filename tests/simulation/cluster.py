"""The whole cluster in one process, and an adversary between its parts.

Gateways (hubs), process servers and rules are the real ones; queue, database, clocks and clients are the simulation's.
A story (a seed) says which faults there are. Time passes when the simulation says, and one thing happens at a time.
"""

from collections import Counter
from random import Random
from typing import Any

from msgspec.structs import replace
from twisted.internet.task import Clock

from gameserver.broker.topology import Queues
from gameserver.limits import Limits
from gameserver.maps.objects import Placed, World, Zone
from gameserver.modules.building.entities import Change
from gameserver.modules.building.maps import drawn
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.instances.entities import Instance
from gameserver.modules.movement.maps import Spawn
from gameserver.modules.sessions.entities import Session
from gameserver.wire.packets import Error, FromServer
from gateway.connections.connection import Connection
from gateway.hub import Hub
from tests.chaos.records import Diary
from tests.simulation import adventures, building, economy, fights, travel
from tests.simulation.beats import Beat
from tests.simulation.journal import Journal
from tests.simulation.memory_store import Key, MemoryStore, MemoryTransaction
from tests.simulation.moves import MOVES, SKEWS_MS, ForeignLock, Move
from tests.simulation.parcels import Parcel, Parcels, SimulatedBroker
from tests.simulation.plain import PlainSealer
from tests.simulation.player import SimulatedPlayer
from tests.simulation.processes import Processes
from tests.simulation.story import Story

EPOCH_S = 1_800_000_000.0
GATEWAYS = 2
PLAYERS = 3
SLICE_S = 0.25
HEARTBEAT_S = 3
THERE_S = 30.0  # a gateway that was at the broker for so long must have been heard
EAGERNESS = 0.15  # how likely a player acts in a slice of a while
DELAYS_S = (0.5, 3.0, 12.0)
STEPS_PER_SLICE = 60  # so much is done in a slice at most, by whoever can
PREY = "field.rat.1"
OPERATORS = (building.save_maps, building.restart_workers, building.apply_to_database, building.save_and_apply)
WORLD = World(
    zones={
        "field": Zone(
            name="field",
            title="Field",
            width=8,
            height=8,
            objects=(
                Placed(PREY, 4, 4, Lair("rat")),
                Placed("field.spawn.2", 3, 4, Spawn()),
                Placed("field.spawn.3", 5, 4, Spawn()),
                *economy.OBJECTS,
                *adventures.OBJECTS,
                travel.GATE,
            ),
        )
    },
    start="field",
    templates={travel.TEMPLATE: travel.DEN},
)


def world_of(story: Story) -> World:
    """Where a story is played: creatures that kill live only where players fight."""
    if not story.fights:
        return WORLD
    field = WORLD.zones[WORLD.start]
    return replace(WORLD, zones={field.name: replace(field, objects=(*field.objects, *fights.OBJECTS))})


class GatewayClock:
    """A gateway's wall clock. ``skew_ms``: how far it is off."""

    def __init__(self, cluster: "SimulatedCluster") -> None:
        self._cluster = cluster
        self.skew_ms = 0

    def now_ms(self) -> int:
        return self._cluster.now_ms() + self.skew_ms


class SimulatedCluster:
    """Everything, and a story. ``rough``: whether the adversary is at work. ``broken``: what must never happen."""

    prey = PREY

    def __init__(self, story: Story) -> None:
        self.story = story
        self.rng = Random(f"simulation {story.seed}")
        self.rough = True
        self.clock = Clock()
        self.counts: Counter[str] = Counter()
        self.told: list[tuple[Any, ...]] = []
        self.broken: list[str] = []
        self.killed: Counter[str] = Counter()  # how often workers died with an event, which may be given up for it
        self.limits = Limits(
            packets_per_s=1e6,
            packets_burst=1_000_000,
            republish_after_s=story.republish_after_s,
            idle_s_max=1e9,
        )
        self.journal = Journal()
        self.rules = self.journal.watched(prepared="prepare" in story.poisons)
        self.parcels = Parcels()
        self.processes = Processes(self)
        self.store = MemoryStore(world_of(story), self.processes, one_writer=story.one_writer)
        self.store.on_commit = self._committed
        self.first_files = self.files = self.deployed = self.store.world
        if story.builds:
            self.store.maps = self.processes.maps
        self.database_back_s = 0.0
        self._foreign_locks: list[tuple[float, ForeignLock]] = []
        self.foreign = 0
        self.foreign_rows: set[str] = set()
        self.foreign_events: set[str] = set()
        self.diary = Diary(actions=[], heard={}, received={}, sessions_lost=[])
        self._minted = 0
        self._second = 0
        self._living = False
        self.processes.open()
        self.beats = [Beat(self)]
        self.hubs: list[Hub] = []
        self.brokers: list[SimulatedBroker] = []
        self.gateway_clocks: list[GatewayClock] = []
        self.refused: set[str] = set()  # ids of what gateways refused
        for n in range(GATEWAYS):
            self._open_gateway(n)
        names = [f"player{n}" for n in range(PLAYERS)]
        self.furnished = economy.furnish(names, WORLD.start, self.now_ms()) if story.economy else []
        if story.economy and story.adventures:
            self.furnished += adventures.furnish(names)
        if story.fights:
            self.furnished += fights.furnish(names, WORLD.start)
        for thing in self.furnished:
            self.store.things[type(thing)][thing.id] = thing
        self.players = [SimulatedPlayer(name, names, story.actions, self) for name in names]
        self.visitors: list[SimulatedPlayer] = []
        self._moves = [MOVES[name] for name in MOVES if name in story.moves]
        if story.builds:
            self._moves += [Move(move, 2) for move in OPERATORS]

    # What everyone asks the cluster.

    def now_s(self) -> float:
        """Seconds since it began: everyone's monotonic clock."""
        return float(self.clock.seconds())

    def now_ms(self) -> int:
        """Milliseconds since 1970, as they truly are."""
        return int((EPOCH_S + self.clock.seconds()) * 1000)

    def chance(self, odds: float) -> bool:
        """Whether a fault happens."""
        return self.rough and odds > 0 and self.rng.random() < odds

    def soon(self, spans_s: tuple[float, ...]) -> float:
        """A moment one of these spans from now."""
        return self.now_s() + self.rng.choice(spans_s)

    def delay(self) -> float:
        """How long a message is on its way."""
        return self.rng.choice(DELAYS_S) if self.chance(self.story.chances.delayed) else 0.0

    def trace(self, *what: Any) -> None:
        """Write down what happens."""
        self.told.append((round(self.now_s(), 3), *what))

    def count(self, what: str) -> None:
        """Count what happens."""
        self.counts[what] += 1

    def broke(self, parcel: Parcel, error: BaseException) -> None:
        """A batch goes to the queue ``dead``, because something raised that nobody handled."""
        self.count("dead messages")
        self.broken.append(f"{parcel.message.headers['task']} went to the dead messages: {error!r}")

    def built(self) -> World:
        """The maps of the files with all that was built since."""
        return drawn(self.files, self.store.later(Change, "n", 0, 10**6))

    # Gateways.

    def _mint(self, size: int) -> str:
        self._minted += 1
        return f"{self._minted:06d}"

    def _open_gateway(self, n: int) -> None:
        name = f"gateway{n}-{self._mint(1)}"
        clock = GatewayClock(self)
        if "skew" in self.story.moves:
            clock.skew_ms = self.rng.choice(SKEWS_MS)
        hub = Hub(
            clock=self.clock,
            gateway=name,
            limits=self.limits,
            queues=Queues(),
            sealer=PlainSealer(),
            wall_ms=clock.now_ms,
            mint=self._mint,
        )
        self._note_refusals(hub)
        broker = SimulatedBroker(self, name)
        hub.use(broker)  # type: ignore[arg-type]
        self.hubs[n : n + 1] = [hub]
        self.brokers[n : n + 1] = [broker]
        self.gateway_clocks[n : n + 1] = [clock]
        hub.broker_up()

    def _note_refusals(self, hub: Hub) -> None:
        """Keep the ids of what a gateway refuses: it may die before the client hears it."""
        send = hub._writer.send

        def noted(connection: Connection, packet: FromServer) -> None:
            if isinstance(packet, Error):
                self.refused.add(f"{connection.session_id or connection.id}:{packet.re}")
            send(connection, packet)

        hub._writer.send = noted  # type: ignore[method-assign]

    def any_gateway(self) -> int:
        """One of them."""
        return self.rng.randrange(GATEWAYS)

    def cut(self, n: int, *, forget: bool) -> None:
        """A gateway loses its broker; ``forget``: with what the broker held for it."""
        if self.brokers[n].up:
            self.brokers[n].up = False
            if forget:
                self.brokers[n].inbox.clear()
            self.hubs[n].broker_down()

    def mend(self, n: int) -> None:
        """It is back."""
        if not self.brokers[n].up and self.parcels.away_until_s <= self.now_s():
            self.brokers[n].up = True
            self.brokers[n].up_since_s = self.now_s()
            self.hubs[n].broker_up()

    def kill_gateway(self, n: int) -> None:
        """It dies without a word, and another comes up."""
        dead = self.hubs[n]
        self._open_gateway(n)
        for player in (*self.players, *self.visitors):
            if player.hub is dead:
                player.lose_connection()

    def visit(self) -> None:
        """Someone comes in who does not stay."""
        name = f"visitor{len(self.visitors)}"
        self.visitors.append(SimulatedPlayer(name, [], 0, self, visits=True))

    # The database.

    def hold(self, key: Key, until_s: float) -> None:
        """Someone from outside locks a row for a while."""
        foreign = ForeignLock(self.store, {})
        foreign.lock(*key)
        self._foreign_locks.append((until_s, foreign))

    def _look_after_database(self) -> None:
        self.store.away = self.database_back_s > self.now_s()
        for until_s, foreign in self._foreign_locks:
            if until_s <= self.now_s():
                foreign.release()

    def _committed(self, transaction: MemoryTransaction) -> None:
        self.journal.committed(transaction)
        if opened := transaction.changed(Instance):  # at once: they have ended when the story does
            now_there = {**self.store.things[Instance], **{one.id: one for one in opened}}
            self.broken += travel.doubled(now_there.values())
        for session in transaction.changed(Session):
            before = self.store.things[Session].get(session.id)
            if transaction.event == "sweep" and before is not None and before.gateway and not session.gateway:
                self._thrown_out(before)

    def _thrown_out(self, session: Session) -> None:
        """The sweep takes a player out of the world: only if its gateway is gone, or was not there for a while."""
        for hub, broker in zip(self.hubs, self.brokers, strict=True):
            was_there = broker.up and self.now_s() - broker.up_since_s > THERE_S
            if broker.name == session.gateway and was_there and any(c.id == session.conn for c in hub.connections):
                self.broken.append("a living gateway counted as dead, and its players were taken out of the world")

    def _condemned(self, hub: Hub, family: str) -> None:
        """A family counts as unavailable: not because of one batch, which may itself be what is lost."""
        if len({batch.task_id for batch in hub._in_flight if batch.family == family}) < 2:
            self.broken.append("one batch that nobody answered condemned its family")

    # What happens, step by step.

    def step(self) -> None:
        """One thing happens, by chance."""
        dice = self.rng.random()
        if dice < 0.30:
            self.rng.choice([*self.players, *self.visitors]).act()
        elif dice < 0.60:
            self._work()
        elif dice < 0.85:
            self._hear()
        else:
            self.pass_time(self.rng.choice((0.001, 0.01, 0.1, 0.25)))
        self._perhaps_move()

    def _perhaps_move(self) -> None:
        if self._moves and self.chance(self.story.chances.move):
            self._move()

    def _move(self) -> None:
        (move,) = self.rng.choices(self._moves, [move.weight for move in self._moves])
        self.trace("move", move.play.__name__)
        self.count(move.play.__name__)
        move.play(self)

    def _work(self) -> bool:
        """A worker goes on, or takes any batch that is ready: competing workers and redeliveries know no order."""
        runnable, idle = self.processes.runnable(), self.processes.idle
        ready = self.parcels.ready(self.now_s()) if idle else []
        if runnable and (not ready or self.rng.random() < 0.5):
            self.processes.go_on(self.rng.choice(runnable))
        elif ready:
            self.processes.take(idle[0], self.rng.choice(ready))
        return bool(runnable or ready)

    def _hear(self) -> bool:
        """A gateway hears what comes next in its queue."""
        hearing = [n for n, broker in enumerate(self.brokers) if broker.up and broker.inbox]
        if hearing:
            n = self.rng.choice(hearing)
            self.hubs[n].handle_result(self.brokers[n].inbox.pop(0))
        return bool(hearing)

    def pass_time(self, seconds: float) -> None:
        """Time passes: timers fire, leases end, beats beat, heartbeats and sweeps come due."""
        self.clock.advance(seconds)
        self._look_after_database()
        self.processes.end_leases()
        for beat in self.beats:
            beat.go()
        while self._second < int(self.clock.seconds()):
            self._second += 1
            self._each_second()

    def _each_second(self) -> None:
        if self.story.builds:
            building.grant_roles(self)
        for hub in self.hubs:
            down = hub.unavailable
            hub.sweep()
            for family in hub.unavailable - down:
                self._condemned(hub, family)
            if self._second % HEARTBEAT_S == 0:
                hub.heartbeat()

    def live(self, seconds: float) -> None:
        """A while passes in which everyone does what they can; the adversary, too."""
        if self._living:
            return
        self._living, until_s = True, self.now_s() + seconds
        while self.now_s() < until_s:
            self.pass_time(SLICE_S)
            self.everyone()
            self._perhaps_move()
        self._living = False

    def everyone(self) -> None:
        """Whatever can be done now."""
        for player in (*self.players, *self.visitors):
            if not self.rough or self.rng.random() < EAGERNESS:
                player.act()
        for _ in range(STEPS_PER_SLICE):
            worked, heard = self._work(), self._hear()
            if not worked and not heard:
                break
            self.clock.advance(0.001)

    def rest(self) -> None:
        """The adversary rests: everything is mended, every clock is right."""
        self.rough = False
        self.parcels.away_until_s = self.database_back_s = 0.0
        for spans in (self.parcels.full, self.parcels.missing, self.parcels.served_again_s):
            spans.clear()
        for process in self.processes.all:
            process.frozen_until_s = 0.0
        for clock in (*self.gateway_clocks, *self.beats):
            clock.skew_ms = 0
        self.beats[:] = self.beats[:1] or [Beat(self)]
        self._foreign_locks = [(0.0, foreign) for _, foreign in self._foreign_locks]
        self._look_after_database()
        for n in range(GATEWAYS):
            self.mend(n)
        for visitor in self.visitors:
            visitor.leave()
