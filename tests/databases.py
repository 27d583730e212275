"""Fixtures for tests that need a database: each such test runs on SQLite and on a private PostgreSQL.

One cluster serves the whole run, on a socket in a folder of its own; every test gets an empty database. Without
PostgreSQL on the machine its half is skipped with the reason; in CI it fails instead, because a check that is silently
left out there checks nothing.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gameserver.local.processes import tethered
from gameserver.store.migrate import migrate
from gameserver.store.tables import metadata

BINARIES = "/usr/lib/postgresql"
OWNER = "postgres"  # who runs the cluster when the tests run as root, which PostgreSQL refuses
UP_S_MAX = 60.0
POLL_S = 0.02
DIALECTS = ("sqlite", "postgresql")
CAREFREE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=50")
# What was committed outlives the server's crash, though not the machine's.
CAREFUL = ("fsync=off", "listen_addresses=", "max_connections=50")


class Cluster:
    """A running PostgreSQL of this run's own. ``migrated``: a database that has the tables, emptied after each test."""

    migrated = "migrated"

    def __init__(self, binaries: Path, settings: Sequence[str] = CAREFREE) -> None:
        self._binaries = binaries
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._data = self._folder / "data"
        self._as_owner = _become_owner(self._folder)
        self._postgres: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the cluster and run it; returns when it answers."""
        initdb = [self._binaries / "initdb", "-D", self._data, "-U", OWNER, "--auth=trust", "--no-sync"]
        subprocess.run(
            [*initdb, "--encoding=UTF8", "--locale=C"], check=True, capture_output=True, cwd="/", **self._as_owner
        )
        self.run()
        self.create(self.migrated)
        migrate(self.url(self.migrated))

    def run(self, env: Mapping[str, str] | None = None) -> None:
        """Run the server; returns when it answers. ``env``: added to its environment."""
        settings = [word for setting in self._settings for word in ("-c", setting)]
        command = [str(self._binaries / "postgres"), "-D", str(self._data), "-k", str(self._folder), *settings]
        with (self._folder / "log").open("ab") as log:
            self._postgres = subprocess.Popen(
                tethered(command, "KILL"),
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, **(env or {})},
                start_new_session=True,
                **self._as_owner,
            )
        self._wait_until_up()

    def end(self) -> None:
        """End the server at once, as a crash would (what was committed stays, unless the settings are carefree)."""
        if self._postgres is not None:
            self._postgres.send_signal(signal.SIGQUIT)
            self._postgres.wait(UP_S_MAX)
            self._postgres = None

    def freeze(self) -> None:
        """Stop all of the server's processes where they stand."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        pid = self.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):  # the postmaster first: then no child is born meanwhile
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, number)

    def _wait_until_up(self) -> None:
        import psycopg

        assert self._postgres is not None
        deadline_s = time.monotonic() + UP_S_MAX
        while True:
            try:
                psycopg.connect(self.url(OWNER)).close()
                return
            except psycopg.OperationalError:
                if self._postgres.poll() is not None or time.monotonic() > deadline_s:
                    raise AssertionError((self._folder / "log").read_text()) from None
                time.sleep(POLL_S)

    def stop(self) -> None:
        """End the cluster at once, and remove it; nobody needs its data again."""
        self.end()
        shutil.rmtree(self._folder)

    @property
    def pid(self) -> int:
        """Of the server's first process, whose children all others are."""
        assert self._postgres is not None
        return self._postgres.pid

    def url(self, database: str) -> str:
        """Where a database is found."""
        return f"postgresql://{OWNER}@/{database}?host={self._folder}"

    def create(self, database: str) -> None:
        """Make a database."""
        self._execute(f'CREATE DATABASE "{database}"')

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected."""
        self._execute(f'DROP DATABASE "{database}" WITH (FORCE)')

    def cut(self, database: str) -> None:
        """Cut off whoever is connected to a database."""
        self._execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")

    def empty(self) -> None:
        """Remove every row of the migrated database, whatever a test has left open."""
        self.cut(self.migrated)
        self._execute("".join(f'DELETE FROM "{table}";' for table in metadata().tables), self.migrated)

    def _execute(self, statement: str, database: str = OWNER) -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]


def _become_owner(folder: Path) -> dict[str, Any]:
    """How to start a process as the cluster's owner, to whom the folder is given."""
    if os.geteuid() != 0:
        return {}
    owner = pwd.getpwnam(OWNER)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def installed() -> Path | None:
    """The folder of the newest PostgreSQL's programs, None when there is none (or no driver for it)."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return None
    versions = sorted(Path(BINARIES).glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    return next((path for path in reversed(versions) if (path / "initdb").exists()), None)


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Cluster]:
    """The run's own PostgreSQL, gone afterwards."""
    cluster = Cluster(required())
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def required() -> Path:
    """The same; skips the test on a machine without PostgreSQL, and fails it in CI."""
    found = installed()
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(
            "PostgreSQL is missing, and in CI this test must run: docker/system-packages.sh test", pytrace=False
        )
    pytest.skip("PostgreSQL is not installed (docker/system-packages.sh test installs it)")


@pytest.fixture
def postgresql_url(postgresql_cluster: Cluster) -> Iterator[str]:
    """A PostgreSQL database with the tables and nothing in them."""
    yield postgresql_cluster.url(Cluster.migrated)
    postgresql_cluster.empty()


@pytest.fixture(params=DIALECTS)
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the tables and nothing in them."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgresql_url")
        return url
    file = tmp_path / "world.sqlite"
    shutil.copy(request.getfixturevalue("migrated_file"), file)
    return f"sqlite:///{file}"


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'world.sqlite'}"
        return
    cluster: Cluster = request.getfixturevalue("postgresql_cluster")
    name = f"test-{uuid.uuid4().hex}"
    cluster.create(name)
    try:
        yield cluster.url(name)
    finally:
        cluster.drop(name)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables in it, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "world.sqlite"
    migrate(f"sqlite:///{file}")
    return file
