"""A house of real processes for tests: gateways, workers and beat of the game, each in a session of its own.

Nothing is found by name and nothing outlives a test: a process dies with the test run (the kernel sees to that), and
``House.stop`` ends what is left, looks whether it is gone, and fails when something had died that nobody killed.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gameserver import config
from gameserver.declare import catalogue
from gameserver.local.plan import answers
from gameserver.local.processes import kill, members, spawn, tethered
from gameserver.security.sealing import write_key
from gameserver.store.migrate import migrate
from tests.brokers import Vhost

ROOT = Path(__file__).parent.parent
UP_S_MAX = 60.0
END_S_MAX = 30.0
POLL_S = 0.02
LOG_TAIL_CHARS = 4_000
FAMILIES = tuple(catalogue.families())

_OURS = ("GAMESERVER_", "AMQP_", "DATABASE_URL", "CELERY_", "FLOWER_", "RABBITMQ_", "ERL_")
_LISTENS = re.compile(r"gateway (\S+) listens on IPv4Address\(type='TCP', host='127\.0\.0\.1', port=(\d+)\)")


def eventually(
    condition: Callable[[], Any], what: str | Callable[[], object] = "the condition", s_max: float = 20.0
) -> Any:
    """Wait until a condition holds, and give what it gave. Fails past ``s_max`` seconds, with ``what`` (tells)."""
    deadline_s = time.monotonic() + s_max
    while not (found := condition()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {s_max:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(POLL_S)
    return found


class Proc:
    """A running program: the leader of its own session and process group, its output in a file."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._doomed = False  # whether a test wanted it to end
        self._popen: subprocess.Popen[bytes] = spawn(tethered(command, "KILL"), environ=environ, log=log, cwd=ROOT)

    @property
    def pid(self) -> int:
        """The main process."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether the main process runs."""
        return self._popen.poll() is None

    @property
    def died_unasked(self) -> bool:
        """Whether it ended though no test ended it."""
        return not self.alive and not self._doomed

    @property
    def text(self) -> str:
        """Everything it has printed and logged."""
        return self.log.read_text(errors="replace")

    @property
    def tail(self) -> str:
        """The end of that, for failure messages."""
        return f"--- {self.name} (pid {self.pid}) ---\n{self.text[-LOG_TAIL_CHARS:]}"

    @property
    def rss_bytes(self) -> int:
        """The resident memory of the main process."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def children(self) -> list[int]:
        """The pids of its children (a worker's pool)."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def says(self, text: str, times: int = 1, s_max: float = UP_S_MAX) -> None:
        """Wait until the text stands so often in its log; fail when it does not, or when the program ends."""
        eventually(lambda: self.text.count(text) >= times or not self.alive, lambda: f"{text!r}\n{self.tail}", s_max)
        assert self.text.count(text) >= times, f"ended without having said {text!r}\n{self.tail}"

    def kill(self, *, group: bool = False) -> None:
        """SIGKILL the main process, or all of its group at once; returns when it is gone."""
        self._doomed = True
        (os.killpg if group else os.kill)(self.pid, signal.SIGKILL)
        self.wait()

    def terminate(self) -> None:
        """Ask the main process to end (SIGTERM)."""
        self._doomed = True
        self._popen.terminate()

    def stop_by(self, number: signal.Signals) -> None:
        """Send the main process a signal that it is to end by."""
        self._doomed = True
        self._popen.send_signal(number)

    def freeze(self) -> None:
        """Stop the whole group where it stands."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen group go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def wait(self, s_max: float = END_S_MAX) -> int:
        """Wait for the end of the main process, and give its exit status (negative: the signal)."""
        self._doomed = True
        return self._popen.wait(s_max)

    def end(self) -> None:
        """SIGKILL everything in its session."""
        self._doomed = True
        kill(self._popen)

    def left(self) -> list[int]:
        """The live processes of its session."""
        return members(self.pid)


class GatewayProc(Proc):
    """A gateway on a loopback port that the kernel chose."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listens.group(2))

    @property
    def id(self) -> str:
        """What it is called in the house: the name it was given, and something that it made up."""
        return self._listens.group(1)

    @property
    def _listens(self) -> re.Match[str]:
        found = _LISTENS.search(self.text)
        assert found, self.tail
        return found

    @property
    def address(self) -> tuple[str, int]:
        """The same, as a pair."""
        return "127.0.0.1", self.port


class House:
    """Processes of one world: one virtual host, one database, one folder. ``env`` is told to all of them.

    ``app``: the Celery app of those that are started from now on.
    """

    def __init__(
        self, amqp_url: str, folder: Path, database_url: str = "", env: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.amqp_url = amqp_url
        self.database_url = database_url or f"sqlite:///{folder / 'world.sqlite'}"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
            "PYTHONUNBUFFERED": "1",
            "GAMESERVER_HOME": str(folder),
            "GAMESERVER_SECRET_KEY_FILE": str(folder / "secret.key"),
            "AMQP_URL": amqp_url,
            "DATABASE_URL": self.database_url,
            **(env or {}),
        }
        self.app = "tasks"
        self.procs: list[Proc] = []
        folder.mkdir(parents=True, exist_ok=True)
        write_key(self.settings.secret_key_file)
        migrate(self.database_url)

    @property
    def settings(self) -> config.Settings:
        """What its processes read from their environment."""
        return config.load(self.environ)

    def gateway(self, name: str | None = None, env: Mapping[str, str] | None = None) -> GatewayProc:
        """Start a gateway; it listens and has its broker when this returns. ``name``: the first part of its id."""
        name = name or "gateway"
        own = {"GAMESERVER_ENDPOINTS": "tcp:0:interface=127.0.0.1", "GAMESERVER_GATEWAY_ID": name}
        proc = GatewayProc(name, (sys.executable, "-m", "gateway"), {**self.environ, **own, **(env or {})}, self._log())
        self._take(proc)
        proc.says("connected to the broker")
        proc.says("listens on")
        return proc

    def worker(
        self,
        *queues: str,
        name: str,
        concurrency: int = 1,
        env: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> Proc:
        """Start a worker, without queues of all families, as Celery has it; it takes events when this returns."""
        return self.workers(((queues, name, concurrency),), env, options)[0]

    def workers(
        self,
        wanted: Sequence[tuple[Sequence[str], str, int]],
        env: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> list[Proc]:
        """Start several workers at the same time: (queues, name, concurrency) each."""
        procs = []
        for queues, name, concurrency in wanted:
            which = (*(("-Q", ",".join(queues)) if queues else ()), "-n", f"{name}@%h")
            command = ("worker", *which, "--pool", "prefork", "-c", str(concurrency), "--loglevel", "INFO", *options)
            procs.append(self._take(self._celery(name, command, env)))
        for proc in procs:
            proc.says(" ready.")
        return procs

    def beat(self, name: str = "beat", env: Mapping[str, str] | None = None) -> Proc:
        """Start the world's clock."""
        return self._take(self._celery(name, ("beat", "--loglevel", "INFO"), env))

    def flower(self, port: int, env: Mapping[str, str] | None = None) -> Proc:
        """Start Flower; it answers when this returns."""
        proc = self.start_flower(port, env=env)
        eventually(lambda: answers(port, "/healthcheck") or not proc.alive, "Flower", UP_S_MAX)
        assert proc.alive, proc.tail
        return proc

    def start_flower(self, port: int, *options: str, env: Mapping[str, str] | None = None) -> Proc:
        """Start Flower, and don't wait."""
        started: Proc = self._take(self._celery("flower", ("flower", f"--port={port}", *options), env))
        return started

    def stop(self) -> None:
        """End everything. Fails when something is left, or had ended by itself."""
        unasked = [proc for proc in self.procs if proc.died_unasked]
        for proc in self.procs:
            proc.end()
        left = {proc.name: proc.left() for proc in self.procs if proc.left()}
        assert not left, f"still alive: {left}"
        assert not unasked, "died by itself:\n" + "\n".join(proc.tail for proc in unasked)

    def _celery(self, name: str, command: Sequence[str], env: Mapping[str, str] | None) -> Proc:
        whole = (sys.executable, "-m", "celery", "-A", self.app, *command)
        return Proc(name, whole, {**self.environ, **(env or {})}, self._log())

    def _log(self) -> Path:
        return self.folder / f"{len(self.procs)}.log"

    def _take(self, proc: Proc) -> Any:
        self.procs.append(proc)
        return proc


@contextlib.contextmanager
def a_house(
    amqp_url: str, folder: Path, database_url: str = "", env: Mapping[str, str] | None = None
) -> Iterator[House]:
    """A house for a ``with`` block."""
    made = House(amqp_url, folder, database_url, env)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def house(vhost: Vhost, tmp_path: Path) -> Iterator[House]:
    """A house without processes, for one test."""
    with a_house(vhost.url, tmp_path / "house") as made:
        yield made


@pytest.fixture(scope="module")
def module_house(module_vhost: Vhost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house without processes, for the tests of one module."""
    with a_house(module_vhost.url, tmp_path_factory.mktemp("house")) as made:
        yield made


class SharedHouse(msgspec.Struct, frozen=True):
    """A house that lives: one gateway, one worker for all families, beat."""

    house: House
    gateway: GatewayProc
    worker: Proc
    beat: Proc


@pytest.fixture(scope="module")
def shared_house(module_house: House) -> SharedHouse:
    """A living house, for the tests of one module that do not hurt it."""
    return living(module_house)


def living(house: House, gateway_env: Mapping[str, str] | None = None) -> SharedHouse:
    """Bring a house to life."""
    beat = house.beat()
    (worker,) = house.workers([((), "all", 1)])
    return SharedHouse(house, house.gateway(env=gateway_env), worker, beat)


def write_world(folder: Path, *rows: str, safe: bool = False, name: str = "arena") -> Path:
    """Draw a world of one zone: ``#`` wall, ``s`` spawn, ``r`` rat, anything else floor. Gives the path of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    width, height = len(rows[0]), len(rows)
    drawn = [(x, y, row[x]) for y, row in enumerate(rows) for x in range(width)]
    objects = [
        {"id": n, "x": x * 16, "y": y * 16, "width": 16, "height": 16, **_OBJECTS[char]}
        for n, (x, y, char) in enumerate(drawn, start=1)
        if char in _OBJECTS
    ]
    tiles = {"type": "tilelayer", "width": width, "height": height}
    a_map = {
        "width": width,
        "height": height,
        "tilewidth": 16,
        "tileheight": 16,
        "properties": [{"name": key, "value": value} for key, value in (("title", name), ("safe", safe))]
        + [{"name": "start", "value": True}],
        "layers": [
            {**tiles, "name": "ground", "data": [1] * len(drawn)},
            {**tiles, "name": "walls", "data": [int(char == "#") for _, _, char in drawn]},
            {"type": "objectgroup", "name": "objects", "objects": objects},
        ],
    }
    (folder / f"{name}.tmj").write_bytes(msgspec.json.encode(a_map))
    (folder / "test.world").write_bytes(msgspec.json.encode({"maps": [{"fileName": f"{name}.tmj"}]}))
    return folder / "test.world"


_OBJECTS: dict[str, dict[str, Any]] = {
    "s": {"type": "spawn"},
    "r": {"type": "creature", "properties": [{"name": "kind", "value": "rat"}]},
}
