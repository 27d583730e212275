"""The processes that chaos strikes, and the hand that starts them again: as a supervisor would, at once.

Two gateways behind proxies, three workers that share the families between them, beat, a private broker, a database.
"""

import asyncio
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from gameserver.up.ports import free_ports
from gameserver.up.rabbitmq import PrivateNode
from tests.chaos.proxy import Proxy
from tests.chaos.schedule import Fault
from tests.houses import FAMILIES, GatewayProc, House, Proc

T = TypeVar("T")

WORKERS = {"one": FAMILIES, "two": FAMILIES, "three": ("trade", "chat", "movement")}
ENV = {
    # What recovers must not be the gateway's own asking again after a long silence: that is a net below the net.
    "GAMESERVER_ASK_AGAIN_AFTER_S": "3600",
    "GAMESERVER_PACKETS_PER_S": "500",
    "GAMESERVER_PACKETS_BURST": "2000",
}


class Stage(House):
    """A house whose parts come back. ``app`` and ``gateway_module``: what to run, for sabotage."""

    def __init__(
        self,
        node: PrivateNode,
        folder: Path,
        database_url: str = "",
        *,
        app: str = "tasks",
        gateway_module: str = "gateway",
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(node.amqp_url(), folder, database_url, {**ENV, **(env or {})})
        self.node = node
        self._app = app
        self._gateway_module = gateway_module
        self._lock = threading.Lock()
        # Threads that live as long as the stage: the kernel ends a process when the thread that started it ends.
        self._hands = ThreadPoolExecutor(12)
        self._works: list[Future[None]] = []
        self.troubles: list[str] = []
        self.proxies = [Proxy(node.node_port) for _ in range(2)]
        self.ports = free_ports(2)
        self.gateways: list[GatewayProc] = []
        self.crew: dict[str, Proc] = {}

    def raise_curtain(self) -> None:
        """Start everything."""
        for name, proc in zip(WORKERS, self._start_workers(list(WORKERS)), strict=True):
            self.crew[name] = proc
        self.raise_curtain_without_workers()

    def raise_curtain_without_workers(self) -> None:
        """Start beat and gateways."""
        self.crew["beat"] = self.beat()
        self.gateways = [self._start_gateway(n) for n in range(2)]

    def _start_workers(self, names: Sequence[str]) -> list[Proc]:
        return self.workers([(WORKERS[name], f"{name}-{time.monotonic_ns()}", 1) for name in names])

    def _start_gateway(self, n: int) -> GatewayProc:
        endpoint = f"tcp:{self.ports[n]}:interface=127.0.0.1"
        own = {"AMQP_URL": self._broker_of_gateway(n), "GAMESERVER_ENDPOINTS": endpoint}
        command = (sys.executable, "-m", self._gateway_module)
        proc = GatewayProc(f"gateway {n}", command, {**self.environ, **own}, self._log())
        self._take(proc)
        proc.says("connected to the broker")
        return proc

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
            "stop a gateway gently": lambda fault: self.restart_gateway(fault.which % 2),
            "cut a gateway off the broker": self._cut_gateway,
            "kill the broker": self._kill_broker,
            "restart the broker": lambda _: self.restart_broker(),
            "stall the database": self._stall_database,
        }

    def restart_worker(self, name: str) -> int:
        """SIGTERM a worker, and start another when it has ended. Gives its exit status."""
        with self._lock:
            status = self._ended(self.crew[name])
            (self.crew[name],) = self._start_workers([name])
        return status

    def restart_beat(self) -> int:
        """The same with the world's clock."""
        status = self._ended(self.crew["beat"])
        self.crew["beat"] = self.beat()
        return status

    def restart_gateway(self, n: int) -> int:
        """The same with a gateway."""
        with self._lock:
            status = self._ended(self.gateways[n])
            self.gateways[n] = self._start_gateway(n)
        return status

    def revive_gateway(self, n: int) -> None:
        """Start a gateway that was killed."""
        with self._lock:
            self.gateways[n] = self._start_gateway(n)

    def restart_broker(self) -> int:
        """The same with the broker; waits until it serves."""
        with self._lock:
            self.node.restart()
        return 0

    @staticmethod
    def _ended(proc: Proc) -> int:
        proc.terminate()
        return proc.wait(60)

    def recover(self, s_max: float) -> None:
        """Wait until everything that was struck is back."""
        done, late = wait(self._works, timeout=s_max)
        self.troubles += ["a fault was not recovered from" for _ in late]
        self.troubles += [f"{work.exception()!r}" for work in done if work.exception()]

    def _worker(self, fault: Fault) -> tuple[str, Proc]:
        name = list(WORKERS)[fault.which % len(WORKERS)]
        return name, self.crew[name]

    def _kill_child(self, fault: Fault) -> None:
        _, worker = self._worker(fault)
        for pid in worker.children() if worker.alive else []:
            os.kill(pid, signal.SIGKILL)

    def _kill_worker(self, fault: Fault) -> None:
        name, worker = self._worker(fault)
        with self._lock:
            if worker.alive:
                worker.kill(group=fault.which % 2 == 0)
                (self.crew[name],) = self._start_workers([name])

    def _freeze_worker(self, fault: Fault) -> None:
        _, worker = self._worker(fault)
        with self._lock:
            if worker.alive:
                worker.freeze()
        time.sleep(2 * fault.lasts_s)
        if worker.alive:
            worker.thaw()

    def _stop_worker(self, fault: Fault) -> None:
        name, worker = self._worker(fault)
        if worker.alive:
            self.restart_worker(name)

    def _kill_gateway(self, fault: Fault) -> None:
        n = fault.which % 2
        with self._lock:
            self.gateways[n].kill()
            self.gateways[n] = self._start_gateway(n)

    def _cut_gateway(self, fault: Fault) -> None:
        proxy = self.proxies[fault.which % 2]
        proxy.cut()
        time.sleep(2 * fault.lasts_s)
        proxy.mend()

    def _kill_broker(self, fault: Fault) -> None:
        with self._lock:
            self.node.kill()
            self.node.start()
            self.node.wait_until_up()

    def _stall_database(self, fault: Fault) -> None:
        if not self.database_url.startswith("sqlite"):
            self._stall_postgresql(fault)
            return
        with self.sqlite_locked():
            time.sleep(fault.lasts_s)

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
            held.execute("LOCK TABLE sessions, players, whereabouts IN ACCESS EXCLUSIVE MODE")
            time.sleep(fault.lasts_s)

    def stop(self) -> None:
        """End everything, the proxies too."""
        try:
            super().stop()
        finally:
            self._hands.shutdown(wait=False, cancel_futures=True)
            for proxy in self.proxies:
                proxy.stop()
