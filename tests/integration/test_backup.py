"""Backups while players play: what comes back is one moment of the world, in which nothing is half done."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.errors import Rejected
from gameserver.store.backup import backup
from gameserver.testing.broker import Vhost, fresh_vhost
from gameserver.testing.deployment import Deployment, a_deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.rabbitmq_node import RunningNode
from tests.crowds import Crowd
from tests.databases import Cluster, required
from tests.integration.test_watch import ask

COINS = 100
PASSWORD = "a long secret"


def give_and_take(deployment: Deployment, while_they_do: list[str]) -> None:
    """Ada and Bob pass a coin on, a crowd plays, and a command runs in the middle of it."""
    deployment.worker(name="all")
    gateway = deployment.gateway()
    with Crowd(gateway, count=5, prefix="b") as crowd, LineClient(gateway.port) as ada, LineClient(gateway.port) as bob:
        ada.register("Ada", PASSWORD)
        bob.register("Bob", PASSWORD)
        crowd.wait_until_playing()
        posted = [(ada.post("give", to="bob", coins=1), bob.post("give", to="ada", coins=1)) for _ in range(20)]
        done = subprocess.run(
            while_they_do, env=deployment.environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for to_bob, to_ada in posted:
            assert ada.reply(to_bob)["type"] == bob.reply(to_ada)["type"] == "ok"
        assert crowd.summary().ok


def plays_again(deployment: Deployment) -> None:
    """The restored world knows its players, and nobody has gained or lost a coin."""
    deployment.worker(name="all")
    gateway = deployment.gateway()
    with LineClient(gateway.port) as ada, LineClient(gateway.port) as bob:
        ada.login("Ada", PASSWORD)
        bob.login("Bob", PASSWORD)
        assert ada.ask("purse")["data"]["coins"] + bob.ask("purse")["data"]["coins"] == 2 * COINS
        assert ada.ask("say", text="here I am again")["type"] == "ok"


def restored(deployment: Deployment, node: RunningNode, folder: Path, url: str = "") -> None:
    """A deployment of its own, with the old one's key."""
    with fresh_vhost(node) as vhost, a_deployment(vhost.url, folder, url) as new:
        shutil.copy(deployment.settings.secret_key_file, new.settings.secret_key_file)
        plays_again(new)


@pytest.mark.long
def test_a_backup_of_sqlite_is_made_while_players_play_and_comes_back(
    vhost: Vhost, private_node: RunningNode, tmp_path: Path
) -> None:
    file = tmp_path / "backup.sqlite"
    with a_deployment(vhost.url, tmp_path / "server") as deployment:
        give_and_take(deployment, [sys.executable, "-m", "gameserver.cli", "backup", str(file)])
        assert file.stat().st_mode & 0o777 == 0o600
        again = ask(deployment.environ, "backup", str(file))
        assert again.returncode == 1
        assert "is there already" in again.stderr
    (tmp_path / "new").mkdir()
    shutil.copy(file, tmp_path / "new" / "world.sqlite")
    restored(deployment, private_node, tmp_path / "new")


def test_what_cannot_be_copied_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="pg_dump"):
        backup("postgresql://game@localhost/game", tmp_path / "x")
    with pytest.raises(Rejected, match="no world"):
        backup(f"sqlite:///{tmp_path}/none.sqlite", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_what_stands_only_in_the_log_is_in_the_backup(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "w.sqlite", isolation_level=None)) as world:
        world.execute("PRAGMA journal_mode=WAL")
        world.execute("CREATE TABLE t (x)")
        world.execute("INSERT INTO t VALUES (1)")
        backup(f"sqlite:///{tmp_path / 'w.sqlite'}", tmp_path / "b.sqlite")
    with closing(sqlite3.connect(tmp_path / "b.sqlite")) as copy:
        assert copy.execute("SELECT x FROM t").fetchall() == [(1,)]


@pytest.mark.long
def test_a_dump_of_postgresql_is_made_while_players_play_and_comes_back(
    vhost: Vhost, private_node: RunningNode, tmp_path: Path, postgresql_cluster: Cluster, postgresql_url: str
) -> None:
    file, binaries = str(tmp_path / "world.dump"), required()
    with a_deployment(vhost.url, tmp_path / "server", postgresql_url) as deployment:
        dump = [str(binaries / "pg_dump"), "--format=custom", f"--file={file}", postgresql_url]
        give_and_take(deployment, dump)
    postgresql_cluster.create("restored")
    url = postgresql_cluster.url("restored")
    restore = [str(binaries / "pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={url}", file]
    subprocess.run(restore, check=True, timeout=60)
    restored(deployment, private_node, tmp_path / "new", url)
    postgresql_cluster.drop("restored")
