"""The processes that chaos strikes, and the hand that starts them again: as a supervisor would, at once.

Two gateways behind proxies, three workers that share the families between them, beat, a private broker, a database.
Each of them has a slot. Who strikes a slot holds its lock until it has recovered; others strike another meanwhile.
"""

import asyncio
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Any, TypeVar

from amqp.exceptions import AMQPError
from celery import Celery
from kombu.exceptions import OperationalError

from gameserver.broker.topology import EVENTS
from gameserver.testing.deployment import Deployment
from gameserver.testing.node import RunningNode
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import GatewayProc, Proc
from tests.chaos import releases
from tests.chaos.clocks import wrong_by
from tests.chaos.proxy import Proxy
from tests.chaos.schedule import Fault
from tests.deployments import FAMILIES

T = TypeVar("T")

WORKERS = {"one": FAMILIES, "two": FAMILIES, "three": ("trade", "chat", "movement")}
GATEWAYS = 2
BROKER, BEAT = "broker", "beat"
PROGRAM = "tests.chaos.program"
ENV = {
    "GAMESERVER_REPUBLISH_AFTER_S": "5",
    "GAMESERVER_PACKETS_PER_S": "500",
    "GAMESERVER_PACKETS_BURST": "2000",
}
# Whatever recovers, the gateway's own asking again after a silence was not it: that is a net below the nets.
NOT_ASKING = {"GAMESERVER_REPUBLISH_AFTER_S": "3600"}
# A queue is full after so few messages.
FULL_QUEUES = {"GAMESERVER_BATCH_EVENTS_MAX": "16", "GAMESERVER_QUEUE_MESSAGES_MAX": "16"}
UNAVAILABLE_AFTER_S = 5.0
HANDS = 48
CLIENTS_STRUCK = 5  # one of so many hangs up
TELL_S = 0.5  # how long operators' commands wait for replies


class Stage(Deployment):
    """A deployment whose parts come back. ``app`` and ``gateway_module``: what to run, for sabotage.

    ``hang_up``: how clients lose their connections, by number and way, once there are any.
    """

    def __init__(
        self,
        node: RunningNode,
        folder: Path,
        database_url: str = "",
        *,
        app: str = PROGRAM,
        gateway_module: str = PROGRAM,
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(node.amqp_url(), folder, database_url, {**ENV, **(env or {})})
        self.node = node
        self._app = app
        self._gateway_module = gateway_module
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._logs = count()
        # Threads that live as long as the stage: the kernel ends a process when the thread that started it ends.
        self._hands = ThreadPoolExecutor(HANDS)
        self._works: list[Future[None]] = []
        self._control = Celery(broker=self.amqp_url, set_as_current=False).control
        self.other_release = str(folder / "other release")
        releases.write(Path(self.other_release))
        self._releases: dict[str, str] = {}  # by slot, where it was ever changed
        self._away: set[str] = set()  # families without workers
        self.troubles: list[str] = []
        self.hang_up: list[Callable[[int], None]] = []
        self.proxies = [Proxy(node.node_port) for _ in range(GATEWAYS)]
        self.ports = free_ports(GATEWAYS)
        self.gateways: list[GatewayProc] = []
        self.crew: dict[str, Proc] = {}
        self.struck: Counter[str] = Counter()

    def raise_curtain(self) -> None:
        """Start everything."""
        for name, proc in zip(WORKERS, self._start_workers(list(WORKERS)), strict=True):
            self.crew[name] = proc
        self.raise_curtain_without_workers()

    def raise_curtain_without_workers(self) -> None:
        """Start beat and gateways."""
        self.crew[BEAT] = self.beat()
        self.gateways = [self._start_gateway(n) for n in range(GATEWAYS)]

    def _start_workers(self, names: Sequence[str], skew_s: float = 0.0) -> list[Proc]:
        wanted = [(self._families(name), f"{name}-{time.monotonic_ns()}", 1) for name in names]
        return self.workers(wanted, {**self._release_of(names[0]), **wrong_by(skew_s)})

    def _families(self, name: str) -> tuple[str, ...]:
        return tuple(family for family in WORKERS[name] if family not in self._away)

    def _release_of(self, slot: str) -> dict[str, str]:
        return {"CHAOS_RELEASE": self._releases.get(slot, "")}

    def _start_gateway(self, n: int, skew_s: float = 0.0) -> GatewayProc:
        endpoint = f"tcp:{self.ports[n]}:interface=127.0.0.1"
        own = {"AMQP_URL": self._broker_of_gateway(n), "GAMESERVER_ENDPOINTS": endpoint}
        env = {**self.environ, **own, **self._release_of(f"gateway {n}"), **wrong_by(skew_s)}
        proc = GatewayProc(f"gateway {n}", (sys.executable, "-m", self._gateway_module), env, self._log())
        self._take(proc)
        proc.says("connected to the broker")
        return proc

    def _log(self) -> Path:
        return self.folder / f"{next(self._logs)}.log"

    def _broker_of_gateway(self, n: int) -> str:
        return self.amqp_url.replace(f":{self.node.node_port}/", f":{self.proxies[n].port}/")

    def _celery(self, name: str, command: Sequence[str], env: Mapping[str, str] | None) -> Proc:
        whole = (sys.executable, "-m", "celery", "-A", self._app if command[0] == "worker" else "tasks", *command)
        return Proc(name, whole, {**self.environ, **(env or {})}, self._log())

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where the gateways listen."""
        return [("127.0.0.1", port) for port in self.ports]

    async def do(self, work: Callable[..., T], *args: Any) -> T:
        """Do what takes a while in one of the stage's own threads: what is started there lives on."""
        return await asyncio.get_running_loop().run_in_executor(self._hands, work, *args)

    def strike(self, fault: Fault) -> None:
        """Let a fault happen; what it takes to recover from it goes on beside."""
        self.struck[fault.what] += 1
        self._works.append(self._hands.submit(self.strike_now, fault))

    def strike_now(self, fault: Fault) -> None:
        """Let a fault happen, and see to what it takes to recover."""
        self._strikes()[fault.what](fault)

    def _strikes(self) -> dict[str, Callable[[Fault], None]]:
        return {
            "kill a worker's child": self._kill_child,
            "kill a worker": self._kill_worker,
            "freeze a worker": self._freeze_worker,
            "stop a worker gently": self._stop_worker,
            "kill a gateway": self._kill_gateway,
            "stop a gateway gently": self._stop_gateway,
            "freeze a gateway": self._freeze_gateway,
            "cut a gateway off the broker": self._cut_gateway,
            "clients hang up": self._hang_up,
            "a family without workers": self._lose_family,
            "revoke tasks": self._revoke,
            "skew a clock": self._skew,
            "a second beat": self._second_beat,
            "change a release": self._change_release,
            "kill the broker": self._kill_broker,
            "restart the broker": lambda _: self.restart_broker(),
            "stall the database": self._stall_database,
        }

    @contextmanager
    def _one_of(self, slots: Sequence[str], which: int) -> Iterator[str]:
        """Hold a slot: the one meant, or else the next that is free; or wait for the one meant where none is."""
        first = which % len(slots)
        turns = [*slots[first:], *slots[:first]]
        slot = next((slot for slot in turns if self._locks[slot].acquire(blocking=False)), None)
        if slot is None:
            slot = turns[0]
            self._locks[slot].acquire()
        try:
            yield slot
        finally:
            self._locks[slot].release()

    def _a_worker(self, fault: Fault) -> Any:
        return self._one_of(list(WORKERS), fault.which)

    def _a_gateway(self, fault: Fault) -> Any:
        return self._one_of([f"gateway {n}" for n in range(GATEWAYS)], fault.which)

    def restart_worker(self, name: str) -> int:
        """SIGTERM a worker, and start another when it has ended. Gives its exit status."""
        with self._locks[name]:
            return self._restart(name)

    def restart_beat(self) -> int:
        """The same with the world's clock."""
        with self._locks[BEAT]:
            return self._restart(BEAT)

    def restart_gateway(self, n: int) -> int:
        """The same with a gateway."""
        with self._locks[f"gateway {n}"]:
            return self._restart(f"gateway {n}")

    def revive_gateway(self, n: int) -> None:
        """Start a gateway that was killed."""
        with self._locks[f"gateway {n}"]:
            self._start(f"gateway {n}")

    def restart_broker(self) -> int:
        """The same with the broker; waits until it serves."""
        with self._locks[BROKER]:
            self.node.restart()
        return 0

    def _proc(self, slot: str) -> Proc:
        return self.gateways[int(slot.split()[1])] if slot.startswith("gateway") else self.crew[slot]

    def _start(self, slot: str, skew_s: float = 0.0) -> None:
        """Put a fresh process into a slot, with a clock that is wrong by so much."""
        if slot.startswith("gateway"):
            n = int(slot.split()[1])
            self.gateways[n] = self._start_gateway(n, skew_s)
        elif slot == BEAT:
            self.crew[BEAT] = self.beat(env=wrong_by(skew_s))
        else:
            (self.crew[slot],) = self._start_workers([slot], skew_s)

    def _restart(self, slot: str, skew_s: float = 0.0) -> int:
        proc = self._proc(slot)
        proc.terminate()
        status = proc.wait(60)
        self._start(slot, skew_s)
        return status

    def recover(self, s_max: float) -> None:
        """Wait until everything that was struck is back."""
        done, late = wait(self._works, timeout=s_max)
        self.troubles += ["a fault was not recovered from" for _ in late]
        self.troubles += [f"{work.exception()!r}" for work in done if work.exception()]
        if self._releases:
            self._end_upgrade()

    def _end_upgrade(self) -> None:
        """Only the other release's workers know all that was sent while releases changed."""
        for name in WORKERS:
            if self._releases.get(name) != self.other_release:
                self.change_release(name, self.other_release)

    def _kill_child(self, fault: Fault) -> None:
        with self._a_worker(fault) as name:
            for pid in self.crew[name].children():
                os.kill(pid, signal.SIGKILL)

    def _kill_worker(self, fault: Fault) -> None:
        with self._a_worker(fault) as name:
            self.crew[name].kill(group=fault.which % 2 == 0)
            self._start(name)

    def _freeze_worker(self, fault: Fault) -> None:
        with self._a_worker(fault) as name:
            self._freeze(self.crew[name], 2 * fault.lasts_s)

    @staticmethod
    def _freeze(proc: Proc, seconds: float) -> None:
        proc.freeze()
        time.sleep(seconds)
        proc.thaw()

    def _stop_worker(self, fault: Fault) -> None:
        with self._a_worker(fault) as name:
            self._restart(name)

    def _kill_gateway(self, fault: Fault) -> None:
        with self._a_gateway(fault) as slot:
            self._proc(slot).kill()
            self._start(slot)

    def _stop_gateway(self, fault: Fault) -> None:
        with self._a_gateway(fault) as slot:
            self._restart(slot)

    def _freeze_gateway(self, fault: Fault) -> None:
        with self._a_gateway(fault) as slot:
            self._freeze(self._proc(slot), 3 * fault.lasts_s)  # long enough to be taken for dead, now and then

    def _cut_gateway(self, fault: Fault) -> None:
        proxy = self.proxies[fault.which % GATEWAYS]
        proxy.cut()
        time.sleep(2 * fault.lasts_s)
        proxy.mend()

    def _hang_up(self, fault: Fault) -> None:
        """One in so many clients loses its connection."""
        for hang_up in self.hang_up[fault.which % CLIENTS_STRUCK :: CLIENTS_STRUCK]:
            hang_up(fault.which)

    def _lose_family(self, fault: Fault) -> None:
        """No worker serves a family, for longer than it takes to be noticed; clients hang up before and after that.

        Workers that are started meanwhile do not serve it either.
        """
        with self._one_of([f"family {family}" for family in FAMILIES], fault.which) as slot:
            family = slot.split()[1]
            self._away.add(family)
            self._tell(lambda: self._control.cancel_consumer(family))
            time.sleep(UNAVAILABLE_AFTER_S - 1)
            self._hang_up(fault)
            time.sleep(1 + 3 * fault.lasts_s)  # sometimes longer than a gateway may be silent
            self._hang_up(fault)
            self._away.remove(family)
            self._serve(family)

    def _serve(self, family: str) -> None:
        """Tell each worker to serve a family again, until it says so. Who is started from now on does so by itself."""
        waiting = {name for name, families in WORKERS.items() if family in families}
        while waiting:
            nodes = {f"{self.crew[name].name}@{socket.gethostname()}": name for name in waiting}
            replies = self._tell(lambda nodes=nodes: self._add_consumer(family, list(nodes))) or []
            waiting -= {nodes[node] for reply in replies for node in reply if node in nodes}
            time.sleep(TELL_S)

    def _add_consumer(self, family: str, nodes: list[str]) -> Any:
        how = {"exchange_type": "direct", "routing_key": family, "reply": True, "timeout": TELL_S}
        return self._control.add_consumer(family, EVENTS, destination=nodes, **how)

    def _tell(self, command: Callable[[], T]) -> T | None:
        """Say something to the workers through the broker; nothing is said while it is away."""
        with self._locks["control"]:
            try:
                return command()
            except (OSError, OperationalError, AMQPError):
                return None

    def _revoke(self, fault: Fault) -> None:
        """An operator revokes what workers have in hand, and half of the time ends it as well."""
        seen = self._control.inspect(timeout=TELL_S)
        for look in (seen.active, seen.reserved):
            for task in chain.from_iterable((self._tell(look) or {}).values()):
                self._tell(lambda task=task: self._control.revoke(task["id"], terminate=fault.which % 2 == 0))

    def _skew(self, fault: Fault) -> None:
        """A process is started again with a wrong clock, and with a right one later.

        Not a worker on SQLite: it is on one machine with the database, whose clock is the world's.
        """
        workers = [] if self.database_url.startswith("sqlite") else list(WORKERS)
        slots = [*workers, *(f"gateway {n}" for n in range(GATEWAYS)), BEAT]
        with self._one_of(slots, fault.which) as slot:
            self._restart(slot, fault.skew_s)
            time.sleep(2 * fault.lasts_s)
            self._restart(slot)

    def _second_beat(self, fault: Fault) -> None:
        """A second beat, right or wrong, for a while."""
        with self._one_of(["second beat"], 0):
            beat = self.beat("second beat", wrong_by(fault.skew_s))
            time.sleep(2 * fault.lasts_s)
            beat.kill()

    def _change_release(self, fault: Fault) -> None:
        """A worker or gateway is replaced by one of the other release."""
        slots = [*WORKERS, *(f"gateway {n}" for n in range(GATEWAYS))]
        with self._one_of(slots, fault.which) as slot:
            self._releases[slot] = "" if self._releases.get(slot) else self.other_release
            self._restart(slot)

    def change_release(self, slot: str, release: str) -> None:
        """Replace one process by one of a release: this one's is ""."""
        with self._locks[slot]:
            self._releases[slot] = release
            self._restart(slot)

    def _kill_broker(self, fault: Fault) -> None:
        with self._locks[BROKER]:
            self.node.kill()
            self.node.start()
            self.node.wait_until_up()

    def _stall_database(self, fault: Fault) -> None:
        with self._locks["database"]:
            if self.database_url.startswith("sqlite"):
                with self.sqlite_locked():
                    time.sleep(fault.lasts_s)
            else:
                self._stall_postgresql(fault)

    @contextmanager
    def sqlite_locked(self) -> Iterator[None]:
        """Hold SQLite's write lock, so that nobody else can begin a transaction."""
        held = sqlite3.connect(self.database_url.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
        try:
            held.execute("BEGIN IMMEDIATE")
            yield
        finally:
            held.close()

    def _stall_postgresql(self, fault: Fault) -> None:
        import psycopg

        with psycopg.connect(self.database_url) as held:
            held.execute("LOCK TABLE sessions, players, whereabouts, purses IN ACCESS EXCLUSIVE MODE")
            time.sleep(fault.lasts_s)

    def stop(self) -> None:
        """End everything, the proxies too."""
        try:
            super().stop()
        finally:
            self._hands.shutdown(wait=False, cancel_futures=True)
            for proxy in self.proxies:
                proxy.stop()
