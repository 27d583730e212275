"""The processes that chaos strikes, and the faults that only the engine's own tests know.

Two gateways behind proxies, three workers that share the families between them, beat, a private broker, a database.
"""

import resource
import socket
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from amqp.exceptions import AMQPError
from celery import Celery
from kombu.exceptions import OperationalError

from gameserver.broker.connections import connected
from gameserver.broker.topology import EVENTS, PLAIN, topology
from gameserver.limits import Limits
from gameserver.testing.chaos.deployment import BEAT, GATEWAYS, StruckDeployment
from gameserver.testing.chaos.schedule import Fault
from gameserver.testing.rabbitmq_node import RunningNode
from tests.chaos import releases
from tests.chaos.clocks import wrong_by
from tests.deployments import FAMILIES
from tests.operators import alarm

T = TypeVar("T")

EXCHANGES = [exchange.name for exchange in topology(Limits(), PLAIN).exchanges]
WORKERS = {"one": FAMILIES, "two": FAMILIES, "three": ("trade", "chat", "movement")}
BROKER = "broker"
PROGRAM = "tests.chaos.program"
# Whatever recovers, the gateway's own asking again after a silence was not it: that is a net below the nets.
NOT_ASKING = {"GAMESERVER_REPUBLISH_AFTER_S": "3600"}
# A queue is full after so few messages.
FULL_QUEUES = {"GAMESERVER_BATCH_EVENTS_MAX": "16", "GAMESERVER_QUEUE_MESSAGES_MAX": "16"}
UNAVAILABLE_AFTER_S = 5.0
TELL_S = 0.5  # how long operators' commands wait for replies


class Stage(StruckDeployment):
    """A deployment with a broker of its own, and the faults that need to know more of the game and of machines.

    ``app`` and ``gateway_module``: what to run, for sabotage.
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
        super().__init__(node.amqp_url(), folder, database_url, families_of=WORKERS, env=env or {})
        self.node = node
        self.app_of_workers = app
        self.gateway_module = gateway_module
        self._control = Celery(broker=self.amqp_url, set_as_current=False).control
        self.other_release = str(folder / "other release")
        releases.write(Path(self.other_release))
        self._releases: dict[str, str] = {}  # by slot, where it was ever changed
        self._away: set[str] = set()  # families without workers

    def families(self, name: str) -> tuple[str, ...]:
        return tuple(family for family in WORKERS[name] if family not in self._away)

    def environ_of(self, slot: str) -> Mapping[str, str]:
        return {"CHAOS_RELEASE": self._releases.get(slot, "")}

    def strikes(self) -> dict[str, Callable[[Fault], None]]:
        return super().strikes() | {
            "a family without workers": self._lose_family,
            "revoke tasks": self._revoke,
            "skew a clock": self._skew,
            "a second beat": self._second_beat,
            "change a release": self._change_release,
            "kill the broker": self._kill_broker,
            "restart the broker": lambda _: self.restart_broker(),
            "stall the database": self._stall_database,
            "remove an exchange": lambda fault: self._remove("exchange_delete", EXCHANGES, fault),
            "remove a queue": lambda fault: self._remove("queue_delete", FAMILIES, fault),
            "raise the broker's alarm": self._raise_alarm,
            "a worker cannot write": self._forbid_writing,
        }

    def restart_broker(self) -> int:
        """Restart the broker; waits until it serves."""
        with self._locks[BROKER]:
            self.node.restart()
        return 0

    def recover(self, s_max: float) -> None:
        """Wait until everything that was struck is back."""
        super().recover(s_max)
        if self._releases:
            self._end_upgrade()

    def _end_upgrade(self) -> None:
        """Only the other release's workers know all that was sent while releases changed."""
        for name in WORKERS:
            if self._releases.get(name) != self.other_release:
                self.change_release(name, self.other_release)

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
            self._restart(slot, wrong_by(fault.skew_s))
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

    def _remove(self, method: str, names: Sequence[str], fault: Fault) -> None:
        """An operator's hand slips."""
        with self._locks[BROKER], connected(self.amqp_url) as connection:
            getattr(connection.channel(), method)(names[fault.which % len(names)])

    def _raise_alarm(self, fault: Fault) -> None:
        """The broker takes nothing from anybody who publishes."""
        with self._locks[BROKER], alarm(self.node):
            time.sleep(fault.lasts_s)

    def _forbid_writing(self, fault: Fault) -> None:
        """A worker's children can write to no file: on SQLite its database fails as with a full disk."""
        with self._a_worker(fault) as name:
            children = self.crew[name].children()
            _limit_files(children, 0)
            time.sleep(fault.lasts_s)
            _limit_files(children, resource.RLIM_INFINITY)

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


def _limit_files(pids: Iterable[int], size: int) -> None:
    """Let these processes write no file beyond a size; those that are gone need no limit."""
    for pid in pids:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
