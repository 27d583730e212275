"""A hub without a network: a broker that records, a clock that is moved by hand, and players on string transports."""

from collections.abc import Sequence
from math import inf
from typing import Any

import msgspec
from cryptography.fernet import Fernet
from twisted.internet import defer
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gameserver.broker.topology import PLAIN, Queues
from gameserver.declare.base import Event
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import BatchResult, Multicast, SessionUpdate, Unicast
from gameserver.messages.task_message import TaskMessage
from gameserver.security.sealing import Sealer
from gameserver.wire.packets import Error, Ok
from gateway.connections.connection import Connection
from gateway.egress.nearest_gateway import GatewayDirectory
from gateway.hub import NOWHERE_ELSE, Hub
from gateway.net.transport import Transport

KEY = Fernet.generate_key()


class Mouth:
    """As much of what goes out to a client as is written; counts its flushes."""

    def __init__(self) -> None:
        self.flushed = 0
        self.gone = False
        self.due_s = inf

    def wait_until(self, due_s: float) -> None:
        self.due_s = due_s

    def flush(self) -> None:
        self.flushed += 1
        self.due_s = inf


class Published:
    """A task that was published, and the confirmation that it waits for."""

    def __init__(self, message: TaskMessage, queue: str, confirmation: defer.Deferred) -> None:
        self.message = message
        self.queue = queue
        self.confirmation = confirmation
        ((self.batch,), _, _) = msgspec.json.decode(message.body, type=tuple[tuple[list[Envelope]], Any, Any])

    @property
    def name(self) -> str:
        return self.batch[0].event.spec.name

    @property
    def seqs(self) -> list[int]:
        return [envelope.event.seq for envelope in self.batch]


class FakeBroker:
    """Stands where ``gateway.amqp.broker.Broker`` would. ``confirming``: whether publishes are confirmed at once."""

    def __init__(self) -> None:
        self.up = True
        self.confirming = True
        self.binding = True
        self.blocked = False
        self.restored = 0
        self.outbound_missing = False
        self.published: list[Published] = []
        self.bound: list[str] = []  # in order: "+key" and "-key"
        self.unconfirmed: list[defer.Deferred] = []

    def publish(self, message: TaskMessage, queue: str) -> defer.Deferred:
        confirmation: defer.Deferred = defer.Deferred()
        self.published.append(Published(message, queue, confirmation))
        if self.confirming:
            confirmation.callback(None)
        return confirmation

    def bind(self, key: str) -> defer.Deferred:
        self.bound.append(f"+{key}")
        done: defer.Deferred = defer.Deferred()
        if self.binding:
            done.callback(None)
        else:
            self.unconfirmed.append(done)
        return done

    def restore(self) -> defer.Deferred:
        self.restored += 1
        return defer.succeed(self.outbound_missing)

    def unbind(self, key: str) -> defer.Deferred:
        self.bound.append(f"-{key}")
        return defer.succeed(None)

    def take(self, *names: str) -> list[Published]:
        """What was published since the last call, of these names (or of all)."""
        found = [one for one in self.published if not names or one.name in names]
        self.published = [one for one in self.published if one not in found]
        return found


class Player:
    """A client that speaks lines of JSON, and sees what was written to its transport."""

    def __init__(self, stage: "Stage") -> None:
        self.stage = stage
        self.transport = StringTransport()
        self.connection: Connection = stage.hub.begin(Transport(self.transport))
        self._read = 0

    def send(self, **packet: Any) -> None:
        """One packet; what the gateway makes of it is published and written when this returns."""
        self.stage.hub.received(self.connection, msgspec.json.encode(packet) + b"\n")
        self.stage.clock.advance(0)
        self.stage.clock.advance(0)

    def heard(self, *types: str) -> list[dict[str, Any]]:
        """The packets written since the last call, of these types (or all), after the flush windows."""
        self.stage.clock.advance(0.1)
        return self.written(*types)

    def written(self, *types: str) -> list[dict[str, Any]]:
        """The same, as far as they were written by now."""
        data = self.transport.value()
        new, self._read = data[self._read :], len(data)
        packets = [msgspec.json.decode(line) for line in new.splitlines()]
        return [packet for packet in packets if not types or packet["type"] in types]

    def enter(
        self, name: str = "ada", *, watch: Sequence[str] = ("zone.town", "zone.town/0.0"), own_cell: str = ""
    ) -> None:
        """Say hello, log in, and be let in."""
        self.send(type="hello", protocol=1)
        self.send(type="login", name=name, password="a long secret", seq=1)
        (login,) = self.stage.broker.take("login")
        follow = SessionUpdate(
            session=self.connection.id, player=name, watch={"view": tuple(watch)}, then="look", own_cell=own_cell
        )
        self.stage.answer(login, follow=follow)
        for look in self.stage.broker.take("look"):
            self.stage.tell(BatchResult(done=look.name, task=look.message.task_id))
        self.heard()

    def resume(self, name: str = "ada", *, applied: int = 0, **sent: int) -> None:
        """Say hello, and take up a session that another connection began; ``sent``: what the client says of it."""
        self.send(type="hello", protocol=1)
        self.send(type="resume", token="the old one", seq=1, **sent)
        (resume,) = self.stage.broker.take("resume")
        follow = SessionUpdate(session="elsewhere", player=name, seq=applied, watch={"view": ("zone.town",)})
        self.stage.answer(resume, follow=follow)
        self.heard()


class Stage:
    """A hub and everything around it. Server time is what ``clock`` shows.

    ``heard``: whether a process has answered the gateway's first heartbeat; before that it lets nobody in.
    """

    def __init__(
        self,
        queues: Queues = PLAIN,
        wrong_ms: int = 0,
        *,
        heard: bool = True,
        directory: GatewayDirectory = NOWHERE_ELSE,
        **limits: float,
    ) -> None:
        self.clock = Clock()
        self.wrong_ms = wrong_ms  # how far the gateway's clock is ahead
        self.limits = Limits(**limits)
        self.minted = 0
        self.broker = FakeBroker()
        self.hub = Hub(
            clock=self.clock,
            gateway="g1",
            limits=self.limits,
            queues=queues,
            sealer=Sealer(KEY),
            wall_ms=lambda: int(self.clock.seconds() * 1000) + self.wrong_ms,
            mint=self._mint,
            directory=directory,
        )
        self.hub.use(self.broker)
        if heard:
            self.beat()

    def beat(self) -> None:
        """A process answers a heartbeat, without a word of the time."""
        self.hub.heartbeat()
        self.clock.advance(0)
        (beat,) = self.broker.take("heartbeat")
        self.tell(BatchResult(done=beat.name, task=beat.message.task_id))
        self.clock.advance(0.1)  # longer than any gap between batches

    def _mint(self, size: int) -> str:
        self.minted += 1
        return f"minted{self.minted}"

    def player(self, name: str = "ada", **options: Any) -> Player:
        """A player in the world."""
        made = Player(self)
        made.enter(name, **options)
        return made

    def answer(
        self,
        task: Published,
        *,
        code: str = "",
        follow: SessionUpdate | None = None,
        only: Sequence[int] | None = None,
        took_ms: float = 0.0,
    ) -> None:
        """A process answers a task's events, with success or with a code; ``only`` some of them."""
        unicasts = [
            reply(envelope.conn, envelope.event, code=code, follow=follow)
            for envelope in task.batch
            if only is None or envelope.event.seq in only
        ]
        self.tell(BatchResult(unicasts=unicasts, done=task.name, task=task.message.task_id, took_ms=took_ms))

    def tell(self, outbound: BatchResult) -> None:
        """A message comes from the queue."""
        self.hub.handle_result(outbound)
        self.clock.advance(0)
        self.clock.advance(0)

    def dispatch(
        self, *to: str, unless: Sequence[str] = (), id_: str = "", conflation_key: str = "", **packet: Any
    ) -> None:
        """A packet for all who watch a topic."""
        packed = msgspec.msgpack.encode(packet)
        multicast = Multicast(to=to, packet=packed, unless=tuple(unless), id=id_, conflation_key=conflation_key)
        self.tell(BatchResult(multicasts=[multicast]))

    def falls(self) -> None:
        """The broker goes away."""
        self.broker.up = False
        self.hub.broker_down()

    def rises(self) -> None:
        """And is back."""
        self.broker.up = True
        self.hub.broker_up()
        self.clock.advance(0)
        self.clock.advance(0)

    def let_back(self) -> None:
        """A process lets those who rejoin into the world again."""
        for task in self.broker.take("rejoin"):
            unicasts = [
                Unicast(conn=e.conn, follow=SessionUpdate(session=e.session, player=e.player, rejoined=True))
                for e in task.batch
            ]
            self.tell(BatchResult(unicasts=unicasts, done=task.name, task=task.message.task_id))


def reply(conn: str, event: Event, *, code: str = "", follow: SessionUpdate | None = None) -> Unicast:
    """The answer to an event."""
    packet = Error(code=code, message="No.", re=event.seq) if code else Ok(re=event.seq)
    packed = msgspec.msgpack.encode(packet)
    return Unicast(conn=conn, packet=packed, re=event.seq, lane=event.spec.lane, follow=follow)


def unconfirmed(stage: Stage, player: Player, count: int = 1):
    """A task of a player's steps, of which the broker has not said yet that it has it."""
    stage.broker.confirming = False
    for seq in range(2, 2 + count):
        player.send(type="move", dir="n", seq=seq)
    (task,) = stage.broker.take("move")
    return task


def sweep_for(stage: Stage, seconds: int) -> None:
    """Time passes, and the gateway looks after everyone each second."""
    for _ in range(seconds):
        stage.clock.advance(1)
        stage.hub.sweep()
    stage.clock.advance(0)  # what the last one found goes with this turn of the reactor
