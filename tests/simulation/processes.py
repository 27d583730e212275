"""Workers: each handles a batch at a time, may stop at every statement, wait and publish, and may die there.

Where nothing else is under way a batch is often handled in one go, without a thread: that is what makes it fast.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from celery.exceptions import Reject
from kombu.exceptions import OperationalError

from gameserver.broker.topology import DELAYS_MS, EVENTS, Queues, delay_name
from gameserver.declare import catalogue
from gameserver.maps.objects import World
from gameserver.messages.outbound import BatchResult
from gameserver.messages.task_message import TaskMessage
from gameserver.processing.applier import Applier
from tasks.processor import BatchProcessor
from tasks.unread_messages import Origin
from tests.simulation.building import WorkersMaps
from tests.simulation.journal import JournalledBatch
from tests.simulation.parcels import Parcel
from tests.simulation.plain import PlainPasswords, PlainSealer
from tests.simulation.scheduler import Crash, Strand

WORKERS = 3
POINTS_UNTIL_CRASH = 14
FOREIGN_FIELD = b',"mood":"cheerful"'
_DELAYS_S = {delay_name(ms): ms / 1000 for ms in DELAYS_MS}


class Publisher:
    """What a process server publishes with."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster

    def outbound(self, outbound: BatchResult, keys: Sequence[str]) -> None:
        """Tell gateways."""
        self._reach("publish outbound")
        for broker in self._cluster.brokers:
            if broker.keys & set(keys):
                broker.inbox.append(outbound)

    def task(self, message: TaskMessage, queue: str, exchange: str = EVENTS) -> None:
        """Put a batch into the queue."""
        self._reach("publish task")
        self._cluster.parcels.put(message, self._cluster.now_s() + _DELAYS_S.get(exchange, 0.0))

    def _reach(self, what: str) -> None:
        self._cluster.processes.point(what)
        if self._cluster.parcels.away_until_s > self._cluster.now_s():
            raise OperationalError("the broker is away")


class Process:
    """A worker's child and what it has at hand. It goes by server time, whatever its machine's clock says."""

    def __init__(self, cluster: Any, name: str) -> None:
        self._cluster = cluster
        self.name = name
        self.ahead_s = 0.0  # what it waited while nobody else did anything
        self.parcel: Parcel | None = None
        self.strand: Strand | None = None
        self.began_s = 0.0
        self.ready: Callable[[], bool] | None = None  # what it waits for
        self.until_s = 0.0
        self.frozen_until_s = 0.0
        self.crash_in = 0
        self.report: Any = None
        self.error: BaseException | None = None
        self.maps = WorkersMaps(cluster, self.now_ms)
        self.server = self._make_server()

    def _make_server(self) -> BatchProcessor:
        cluster = self._cluster
        applier = Applier(
            store=cluster.store,
            rules=cluster.rules,
            passwords=PlainPasswords(),
            sealer=PlainSealer(),
            limits=cluster.limits,
            clock_ms=self.now_ms,
        )
        applier.batch_transaction = JournalledBatch
        return BatchProcessor(
            applier=applier,
            store=cluster.store,
            publisher=Publisher(cluster),  # type: ignore[arg-type]
            queues=Queues(),
            origin=self.name,
            clock_ms=self.now_ms,
            clock_s=self.now_s,
            pause=self._pause,
            refresh_maps=self.maps.refresh if cluster.story.builds else lambda: None,
        )

    def now_ms(self) -> int:
        return int(self._cluster.now_ms() + self.ahead_s * 1000)

    def now_s(self) -> float:
        return float(self._cluster.now_s() + self.ahead_s)

    def _pause(self, seconds: float) -> None:
        if self.strand is None:
            self.ahead_s += seconds
        else:
            self._cluster.processes.wait(lambda: False, self._cluster.now_s() + seconds)

    @property
    def busy(self) -> bool:
        return self.parcel is not None

    def may_go_on(self, now_s: float) -> bool:
        """Whether it is at work and neither frozen nor waiting."""
        if self.strand is None or self.frozen_until_s > now_s:
            return False
        return self.ready is None or now_s >= self.until_s or self.ready()

    def work(self) -> None:
        """Handle what is at hand; ``report`` or ``error`` says what came of it."""
        assert self.parcel is not None
        headers = self.parcel.message.headers
        redelivered = self.parcel.redelivered
        body = self.parcel.message.body
        if not self._cluster.rough:  # by now there are workers of the release that wrote it
            body = body.replace(FOREIGN_FIELD, b"")
        try:
            (batch,), _, _ = msgspec.json.decode(body)
            tried = bool(headers["attempts"])
            whence = Origin(
                task=headers["task"],
                copy=headers.get("copy", 0),
                attempts=headers["attempts"],
                redelivered=redelivered,
            )
            self.report = self.server.handle(
                batch, task_id=headers["id"], tried=tried, redelivered=redelivered, whence=whence
            )
        except BaseException as error:  # a crash too: nothing may leave a strand
            self.error = error


class Processes:
    """All workers, and the scheduler of what they do."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.all: list[Process] = []
        self.current: Process | None = None

    def open(self) -> None:
        """Start the workers."""
        self.all = [Process(self._cluster, f"worker{n}") for n in range(WORKERS)]

    # For the store: where a transaction may stop, and whose maps it is given.

    def maps(self) -> World:
        """The maps as whoever works now has drawn them; an operator's program has those of the files."""
        return self.current.maps.world if self.current else self._cluster.files

    def now_s(self) -> float:
        return float(self._cluster.now_s())

    def point(self, what: str) -> None:
        """A place where a worker may die, or another go on."""
        process = self.current
        if process is None:
            return
        if process.crash_in:
            process.crash_in -= 1
            if not process.crash_in:
                self._cluster.trace("crash", process.name, what)
                raise Crash()
        if process.strand is not None and self._cluster.chance(self._cluster.story.chances.switch):
            self._cluster.trace("stop", process.name, what)
            self._cluster.count("interleavings")
            self._stop(process)

    def wait(self, ready: Callable[[], bool], until_s: float) -> bool:
        """Stop until something is so, or it is too late. Returns whether it is so."""
        process = self.current
        while not ready():
            if self.now_s() >= until_s:
                return False
            assert process is not None
            assert process.strand is not None, "who works alone must not have to wait"
            self._cluster.count("waits")
            process.ready, process.until_s = ready, until_s
            try:
                self._stop(process)
            finally:
                process.ready = None
        return True

    def shuffle(self, rows: list[Any]) -> None:
        """An order that nobody has promised."""
        if len(rows) > 1:
            self._cluster.rng.shuffle(rows)

    def _stop(self, process: Process) -> None:
        assert process.strand is not None
        self.current = None
        try:
            process.strand.stop()
        finally:
            self.current = process

    # For the cluster: what happens next.

    @property
    def idle(self) -> list[Process]:
        now_s = self.now_s()
        return [process for process in self.all if not process.busy and process.frozen_until_s <= now_s]

    def runnable(self) -> list[Process]:
        """Who is at work and may go on."""
        now_s = self.now_s()
        return [process for process in self.all if process.busy and process.may_go_on(now_s)]

    def take(self, process: Process, parcel: Parcel) -> None:
        """A worker takes a batch and begins."""
        cluster = self._cluster
        parcel.held = process
        process.parcel, process.began_s = parcel, cluster.now_s()
        process.report = process.error = None
        process.ahead_s = 0.0
        process.crash_in = (
            cluster.rng.randint(1, POINTS_UNTIL_CRASH) if cluster.chance(cluster.story.chances.crash) else 0
        )
        cluster.trace("begin", process.name, parcel.message.task_id, parcel.redelivered)
        cluster.count("batches")
        if self._is_alone(process) and not cluster.chance(cluster.story.chances.switch * 3):
            self.current = process
            process.work()
            self.current = None
            self._ended(process)
        else:
            process.strand = Strand(process.work)
            self.go_on(process)

    def _is_alone(self, process: Process) -> bool:
        """Whether nothing could make it wait: nobody else is at work, and nobody holds a row."""
        return not self._cluster.store.locks and not any(p.busy for p in self.all if p is not process)

    def go_on(self, process: Process, *, crash: bool = False) -> None:
        """Let a worker run until it stops or is done."""
        assert process.strand is not None
        self.current = process
        process.strand.go_on(crash=crash)
        self.current = None
        if process.strand.over:
            process.strand = None
            self._ended(process)

    def kill(self, process: Process) -> None:
        """A worker at work dies."""
        if process.strand is not None:
            self._cluster.count("crashes")
            self._cluster.trace("kill", process.name)
            while process.strand is not None:  # a clean-up may stop once more
                self.go_on(process, crash=True)

    def end_leases(self) -> None:
        """Whoever works for longer than its lease is killed, also when it is frozen."""
        now_s = self.now_s()
        for process in self.all:
            if process.parcel is not None and process.strand is not None:
                lease_s = catalogue.events()[process.parcel.event].spec.lease_s
                if now_s - process.began_s > lease_s:
                    self._cluster.count("leases")
                    process.frozen_until_s = 0.0
                    self.kill(process)

    def _ended(self, process: Process) -> None:
        parcel, process.parcel = process.parcel, None
        assert parcel is not None
        error, cluster = process.error, self._cluster
        mine = parcel.held is process  # otherwise the broker has given it to others meanwhile
        if mine:
            parcel.held = None
        cluster.trace("end", process.name, parcel.message.task_id, "" if error is None else repr(error))
        if isinstance(error, Crash):
            cluster.count("crashes")
            cluster.killed.update(parcel.ids)
            process.maps.begin_anew()
        if error is not None and not mine:
            cluster.parcels.overtaken |= {parcel.message.task_id, *parcel.ids}
        if error is None:
            self._done(parcel, mine)
        elif isinstance(error, Crash) or (isinstance(error, Reject) and error.requeue):
            parcel.redelivered = parcel.redelivered or mine
        else:
            cluster.broke(parcel, error)
            cluster.parcels.done(parcel)

    def _done(self, parcel: Parcel, mine: bool) -> None:
        if not mine or self._cluster.chance(self._cluster.story.chances.ack_lost):
            parcel.redelivered = True
        else:
            self._cluster.parcels.done(parcel)
