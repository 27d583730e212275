"""A deployment that is struck by faults, and whose parts are started again: as a supervisor would, at once.

Gateways behind proxies, workers, beat. Each of them has a slot. Who strikes a slot holds its lock until it has
recovered; others strike another meanwhile.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from gameserver.testing.chaos.client import ChaosClient
from gameserver.testing.chaos.schedule import Fault
from gameserver.testing.deployment import Deployment
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import GatewayProc, Proc
from gameserver.testing.proxy import Proxy

T = TypeVar("T")

GATEWAYS = 2
BEAT = "beat"
ENV = {
    "GAMESERVER_REPUBLISH_AFTER_S": "5",
    "GAMESERVER_PACKETS_PER_S": "500",
    "GAMESERVER_PACKETS_BURST": "2000",
}
HANDS = 48
CLIENTS_STRUCK = 5  # one of so many hangs up
END_S_MAX = 60.0
KILLS = "kill "  # faults that begin so end a process in the midst of what it does
NO_CHANGE: Mapping[str, str] = {}


class StruckDeployment(Deployment):
    """A deployment whose parts come back. ``families_of``: the families that each worker serves, by its name.

    ``hang_up``: how clients lose their connections, by way, once there are any. ``troubles``: what was not recovered
    from; ``struck``: how often each fault happened; ``killed_within``: how often a process was killed while an event of
    a type was under way, by the type (and by "" how often at all).
    """

    app_of_workers = "tasks"
    gateway_module = "gateway"
    worker_options: Sequence[str] = ()

    def __init__(
        self,
        amqp_url: str,
        folder: Path,
        database_url: str = "",
        *,
        families_of: Mapping[str, Sequence[str]],
        env: Mapping[str, str] = NO_CHANGE,
    ) -> None:
        super().__init__(amqp_url, folder, database_url, {**ENV, **env})
        self.families_of = families_of
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._logs = count()
        # Threads that live as long as the deployment: the kernel ends a process when the thread that started it ends.
        self._hands = ThreadPoolExecutor(HANDS)
        self._works: list[Future[None]] = []
        self.troubles: list[str] = []
        self.hang_up: list[Callable[[int], object]] = []
        self._broker_port = urlsplit(amqp_url).port or 5672
        self.proxies = [Proxy(self._broker_port) for _ in range(GATEWAYS)]
        self.ports = free_ports(GATEWAYS)
        self.gateways: list[GatewayProc] = []
        self.crew: dict[str, Proc] = {}
        self.struck: Counter[str] = Counter()
        self.killed_within: Counter[str] = Counter()
        self._clients: Sequence[ChaosClient] = ()

    def start_all(self) -> None:
        """Start everything."""
        names = list(self.families_of)
        self.crew.update(zip(names, self._start_workers(names), strict=True))
        self.start_without_workers()

    def start_without_workers(self) -> None:
        """Start beat and gateways."""
        self.crew[BEAT] = self.beat()
        self.gateways = [self._start_gateway(n) for n in range(GATEWAYS)]

    def environ_of(self, slot: str) -> Mapping[str, str]:
        """Return what else a process of a slot is told."""
        return NO_CHANGE

    def families(self, name: str) -> Sequence[str]:
        """Return the families that a worker serves which is started now."""
        return self.families_of[name]

    def _start_workers(self, names: Sequence[str], env: Mapping[str, str] = NO_CHANGE) -> list[Proc]:
        wanted = [(self.families(name), f"{name}-{time.monotonic_ns()}", 1) for name in names]
        return self.workers(wanted, {**self.environ_of(names[0]), **env}, self.worker_options)

    def _start_gateway(self, n: int, env: Mapping[str, str] = NO_CHANGE) -> GatewayProc:
        endpoint = f"tcp:{self.ports[n]}:interface=127.0.0.1"
        own = {"AMQP_URL": self._broker_of_gateway(n), "GAMESERVER_ENDPOINTS": endpoint}
        whole = {**self.environ, **own, **self.environ_of(f"gateway {n}"), **env}
        proc = GatewayProc(f"gateway {n}", (sys.executable, "-m", self.gateway_module), whole, self._log())
        self.take(proc)
        proc.says("connected to the broker")
        return proc

    def _log(self) -> Path:
        return self.folder / f"{next(self._logs)}.log"

    def _broker_of_gateway(self, n: int) -> str:
        return self.amqp_url.replace(f":{self._broker_port}/", f":{self.proxies[n].port}/")

    def _celery(self, name: str, command: Sequence[str], env: Mapping[str, str] | None) -> Proc:
        app = self.app_of_workers if command[0] == "worker" else "tasks"
        whole = (sys.executable, "-m", "celery", "-A", app, *command)
        return Proc(name, whole, {**self.environ, **(env or {})}, self._log())

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where the gateways listen."""
        return [("127.0.0.1", port) for port in self.ports]

    async def do(self, work: Callable[..., T], *args: Any) -> T:
        """Do what takes a while in one of the deployment's own threads: what is started there lives on."""
        return await asyncio.get_running_loop().run_in_executor(self._hands, work, *args)

    def listen(self, loop: asyncio.AbstractEventLoop, clients: Sequence[ChaosClient]) -> None:
        """Let these clients, which live in a loop, lose their connections when a fault says so."""

        def hanging_up(client: ChaosClient) -> Callable[[int], object]:
            return lambda way: loop.call_soon_threadsafe(client.hang_up, way)

        self.hang_up = [hanging_up(client) for client in clients]
        self._clients = clients

    def strike(self, fault: Fault) -> None:
        """Let a fault happen; what it takes to recover from it goes on beside."""
        self.struck[fault.what] += 1
        if fault.what.startswith(KILLS):
            self.killed_within.update({"", *(event for client in self._clients for event in client.under_way)})
        self._works.append(self._hands.submit(self.strike_now, fault))

    def strike_now(self, fault: Fault) -> None:
        """Let a fault happen, and see to what it takes to recover."""
        self.strikes()[fault.what](fault)

    def strikes(self) -> dict[str, Callable[[Fault], None]]:
        """Return what each fault does, by its name."""
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
        return self._one_of(list(self.families_of), fault.which)

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

    def _proc(self, slot: str) -> Proc:
        return self.gateways[int(slot.split()[1])] if slot.startswith("gateway") else self.crew[slot]

    def _start(self, slot: str, env: Mapping[str, str] = NO_CHANGE) -> None:
        """Put a fresh process into a slot."""
        if slot.startswith("gateway"):
            n = int(slot.split()[1])
            self.gateways[n] = self._start_gateway(n, env)
        elif slot == BEAT:
            self.crew[BEAT] = self.beat(env=env)
        else:
            (self.crew[slot],) = self._start_workers([slot], env)

    def _restart(self, slot: str, env: Mapping[str, str] = NO_CHANGE) -> int:
        proc = self._proc(slot)
        proc.terminate()
        status = proc.wait(END_S_MAX)
        self._start(slot, env)
        return status

    def recover(self, s_max: float) -> None:
        """Wait until everything that was struck is back."""
        done, late = wait(self._works, timeout=s_max)
        self.troubles += ["a fault was not recovered from" for _ in late]
        self.troubles += [f"{work.exception()!r}" for work in done if work.exception()]

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

    def stop(self) -> None:
        """End everything, the proxies too."""
        try:
            super().stop()
        finally:
            self._hands.shutdown(wait=False, cancel_futures=True)
            for proxy in self.proxies:
                proxy.stop()
