"""A deployment of real processes for tests: gateways, workers and beat of the game, with a database of its own.

``Deployment.stop`` ends what is left, looks whether it is gone, and fails when something had died that no test killed.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from gameserver import config
from gameserver.declare import game_package
from gameserver.local.plan import answers
from gameserver.security.sealing import write_key
from gameserver.store.migrate import migrate
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import UP_S_MAX, GatewayProc, Proc, eventually

P = TypeVar("P", bound=Proc)

_OURS = ("GAMESERVER_", "AMQP_", "DATABASE_URL", "CELERY_", "FLOWER_", "RABBITMQ_", "ERL_")


class Deployment:
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
            "PYTHONPATH": os.pathsep.join([str(game_package.folder()), *filter(None, [os.environ.get("PYTHONPATH")])]),
            game_package.SETTING: game_package.package(),
            "GAMESERVER_HOME": str(folder),
            "GAMESERVER_CHECKED": "1",  # what is wrong with the game, its tests say
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
        self.take(proc)
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

    def start_worker(self, *queues: str, name: str) -> Proc:
        """Start a worker, and don't wait."""
        options = ("-n", f"{name}@%h", "--pool", "prefork", "-c", "1", "--loglevel", "INFO")
        return self.take(self._celery(name, ("worker", "-Q", ",".join(queues), *options), None))

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
            procs.append(self.take(self._celery(name, command, env)))
        for proc in procs:
            proc.says(" ready.")
        return procs

    def beat(self, name: str = "beat", env: Mapping[str, str] | None = None) -> Proc:
        """Start the world's clock."""
        return self.take(self._celery(name, ("beat", "--loglevel", "INFO"), env))

    def flower(self, port: int, env: Mapping[str, str] | None = None) -> Proc:
        """Start Flower; it answers when this returns."""
        proc = self.start_flower(port, env=env)
        eventually(lambda: answers(port, "/healthcheck") or not proc.alive, "Flower", UP_S_MAX)
        assert proc.alive, proc.tail
        return proc

    def start_flower(self, port: int, *options: str, env: Mapping[str, str] | None = None) -> Proc:
        """Start Flower, and don't wait."""
        return self.take(self._celery("flower", ("flower", f"--port={port}", *options), env))

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

    def take(self, proc: P) -> P:
        """End this process with the others."""
        self.procs.append(proc)
        return proc


@contextlib.contextmanager
def a_deployment(
    amqp_url: str, folder: Path, database_url: str = "", env: Mapping[str, str] | None = None
) -> Iterator[Deployment]:
    """Set a deployment up for a ``with`` block, and stop it after."""
    made = Deployment(amqp_url, folder, database_url, env)
    try:
        yield made
    finally:
        made.stop()


class LiveDeployment(msgspec.Struct, frozen=True):
    """A deployment that runs: one gateway, one worker for all families, beat."""

    deployment: Deployment
    gateway: GatewayProc
    worker: Proc
    beat: Proc

    def client(self) -> LineClient:
        """Connect a client; use it in a ``with`` block."""
        return LineClient(self.gateway.port)


def living(deployment: Deployment, gateway_env: Mapping[str, str] | None = None) -> LiveDeployment:
    """Start one gateway, one worker for all families, and beat."""
    beat = deployment.beat()
    (worker,) = deployment.workers([((), "all", 1)])
    return LiveDeployment(deployment, deployment.gateway(env=gateway_env), worker, beat)
