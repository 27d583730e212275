"""A game outside of the repository, as its author lives through it: wheel, new, test, up, play, restart."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from gameserver.local.ports import Ports, variable
from gameserver.testing.broker import require_rabbitmq
from gameserver.testing.line_client import LineClient
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import eventually
from tests.unit.local.test_scaffold import written

ROOT = Path(__file__).parents[2]
SOURCES = ("gameserver", "gateway", "tasks", "celeryconfig.py", "pyproject.toml", "README.md")
UNMADE = shutil.ignore_patterns("__pycache__")
INSTALL_S_MAX = 300
COMMAND_S_MAX = 120
PLAYABLE_S_MAX = 60.0
STOP_S_MAX = 90
LIVE_S_MAX = 2.0
WAVE_EVERY_S = 0.1  # slower than what is taken for flooding

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


class Author:
    """Somebody with the engine installed from its wheel, in a virtual environment of their own, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "venv" / "bin"
        known = {name: os.environ[name] for name in ("HOME", "LANG", "CI") if name in os.environ}
        self.environ = {**known, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}
        self._install()

    def _install(self) -> None:
        sources = self.folder / "sources"
        sources.mkdir()
        for name in SOURCES:
            what = ROOT / name
            copy = shutil.copy if what.is_file() else partial(shutil.copytree, ignore=UNMADE)
            copy(what, sources / name)
        self.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", "wheels", f"{sources}"], self.folder)
        self.run([sys.executable, "-m", "venv", "venv"], self.folder)
        (wheel,) = (self.folder / "wheels").glob("gameserver-*.whl")
        bounds = ["-c", str(ROOT / "constraints.txt")]
        self.run(["pip", "install", "-q", *bounds, f"{wheel}[test]"], self.folder)

    def run(self, command: Sequence[str], where: Path, status: int = 0) -> str:
        """Run a command in a folder; give what it prints. Fails when it ends with another status."""
        done = subprocess.run(
            command, cwd=where, env=self.environ, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False
        )
        assert done.returncode == status, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def installed(self) -> set[Path]:
        """The files of the environment, but for the bytecode that Python makes of them."""
        return {file for file in (self.folder / "venv").rglob("*") if file.is_file() and file.suffix != ".pyc"}

    @contextmanager
    def up(self, game: Path, *options: str, command: str = "up") -> Iterator[int]:
        """Run a server in a game's folder. Gives the gateway's port, once it says that all is up."""
        gateway, *others = free_ports(1 + len(Ports.__struct_fields__))
        ports = dict(zip(map(variable, Ports.__struct_fields__), map(str, others), strict=True))
        environ = {**self.environ, **ports, "GAMESERVER_ENDPOINTS": f"tcp:{gateway}:interface=127.0.0.1"}
        output = self.folder / f"{command}.log"
        with output.open("ab") as log:
            started = [str(self.bin / "gameserver"), command, *options]
            process = subprocess.Popen(started, cwd=game, env=environ, stdout=log, stderr=subprocess.STDOUT)
        try:
            up = lambda: "stop everything" in output.read_text() or process.poll() is not None  # noqa: E731
            eventually(up, output.read_text, PLAYABLE_S_MAX)
            assert process.poll() is None, output.read_text()
            yield gateway
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_S_MAX)
            output.unlink()


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Author:
    require_rabbitmq()
    return Author(tmp_path_factory.mktemp("author"))


@pytest.fixture(scope="module")
def mygame(author: Author) -> Path:
    (author.folder / "empty").mkdir()
    author.run(["gameserver", "new", "mygame"], author.folder / "empty")
    return author.folder / "empty" / "mygame"


def test_a_new_game_passes_its_tests_on_a_server_of_its_own(author: Author, mygame: Path) -> None:
    assert " passed" in author.run(["gameserver", "test"], mygame)


def test_a_new_game_is_playable_within_a_minute_and_keeps_its_state_in_its_folder(author: Author, mygame: Path) -> None:
    before, began = author.installed(), time.monotonic()
    with author.up(mygame, "--bots", "2") as port, LineClient(port) as ada, LineClient(port) as bea:
        ada.register("Ada")
        bea.register("Bea")
        assert ada.ask("wave")["type"] == "ok"
        assert time.monotonic() - began < PLAYABLE_S_MAX
        assert bea.expect("waved")["who"] == "ada"
        assert "gestures" in author.run(["gameserver", "status"], mygame / "mygame")
        assert "gestures.wave" in author.run(["celery", "-A", "tasks", "inspect", "registered"], mygame)
    assert (mygame / "var" / "world.sqlite").is_file()
    assert author.installed() == before
    assert not [file for file in before if "gameserver/modules" in str(file) and file.name.startswith("test_")]
    with author.up(mygame, "--bots", "0") as port, LineClient(port) as ada:
        assert ada.login("Ada")["player"] == "ada"


def test_what_is_saved_is_live_at_once_and_clients_stay_connected(author: Author, mygame: Path) -> None:
    rules, said = mygame / "mygame" / "gestures" / "rules.py", author.folder / "dev.log"
    text = rules.read_text()
    with author.up(mygame, command="dev") as port, LineClient(port) as ada, LineClient(port) as bea:
        ada.register("Carl")
        bea.register("Dora")
        for name in ("one", "two"):
            rules.write_text(text.replace("who=player.id", f'who="{name}"'))
            assert _waves_until(ada, bea, name) < LIVE_S_MAX
        rules.write_text(f"{text}\ndef wave(:\n")
        eventually(lambda: "the old code goes on" in said.read_text(), said.read_text)
        assert f"mygame/gestures/rules.py:{len(text.splitlines()) + 2}: SyntaxError" in said.read_text()
        assert _waves_until(ada, bea, "two") < LIVE_S_MAX
        rules.write_text(text)
        assert _waves_until(ada, bea, "carl") < LIVE_S_MAX


def _waves_until(waving: LineClient, seeing: LineClient, name: str) -> float:
    """Wave until it is seen as of this name; each wave is answered. Gives the seconds that took."""
    began = time.monotonic()
    while time.monotonic() - began < PLAYABLE_S_MAX:
        reply = waving.ask("wave")
        assert reply["type"] == "ok", reply
        waving.read_for(WAVE_EVERY_S)
        if seeing.expect("waved")["who"] == name:
            break
    return time.monotonic() - began


def test_the_document_on_games_is_played_as_it_is_written(author: Author) -> None:
    """Two take one item, a worker is killed within an event, the server is started again: each item is there once."""
    empty = author.folder / "documented"
    empty.mkdir()
    author.run(["gameserver", "new", "mygame"], empty)
    game = empty / "mygame"
    written("docs/game.md", game)
    author.run(["gameserver", "migrations", "check"], game, status=1)
    author.run(["gameserver", "migrations", "make", "items"], game)
    assert " passed" in author.run(["gameserver", "test"], game)
    with author.up(game, "--bots", "0") as port, LineClient(port) as ada, LineClient(port) as bea:
        ada.register("Ada")
        bea.register("Bea")
        first, second = ada.post("take", item="lantern"), bea.post("take", item="lantern")
        replies = [ada.reply(first), bea.reply(second)]
        assert sorted(reply.get("code", "ok") for reply in replies) == ["ok", "taken"]
        assert {"items": ["lantern"]} in [reply.get("data") for reply in replies]
        seq = _killed_within(game, lambda: ada.post("take", item="rope"))
        assert "rope" in ada.reply(seq, PLAYABLE_S_MAX)["data"]["items"]
        held = [client.ask("inventory")["data"].get("items", []) for client in (ada, bea)]
        assert sorted(held[0] + held[1]) == ["lantern", "rope"]
    with author.up(game, "--bots", "0") as port, LineClient(port) as ada:
        ada.login("Ada")
        assert ada.ask("inventory")["data"].get("items", []) == held[0]
        assert "rope" not in ada.ask("drop", item="rope")["data"].get("items", [])
        assert ada.ask("drop", item="rope")["code"] == "not_yours"


def _killed_within(game: Path, act: Callable[[], int]) -> int:
    """Kill the worker, with its children, while it waits for the database within an event."""
    log = game / "var" / "log" / "worker-all.log"
    before = log.read_text().count("items.take")
    with closing(sqlite3.connect(game / "var" / "world.sqlite", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        seq = act()
        eventually(lambda: log.read_text().count("items.take") > before, log.read_text)
        for pid in _processes_of(game, "all1@"):
            os.kill(pid, signal.SIGKILL)
        database.execute("ROLLBACK")
    return seq


def _processes_of(game: Path, word: str) -> list[int]:
    """The processes that run in a game's folder and have a word on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "cwd").readlink() == game and word in (entry / "cmdline").read_text():
                found.append(int(entry.name))
    return found
