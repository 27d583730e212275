"""From SQLite to PostgreSQL with players in the world: what they own and are owed is there, and their sessions too."""

import time
from pathlib import Path

from gameserver.store.copy_database import QUIET_MS, Copied, copy
from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import Deployment, a_deployment
from gameserver.testing.line_client import LineClient


def play(deployment: Deployment) -> LineClient:
    """Ada gives, walks and joins a channel; Bob is owed a whisper and goes."""
    deployment.worker(name="all")
    gateway = deployment.gateway()
    with LineClient(gateway.port) as bob:
        bob.register("Bob")
        bob.ask("logout")
    ada = LineClient(gateway.port)
    ada.register("Ada")
    assert ada.ask("give", to="bob", coins=7)["type"] == "ok"
    assert ada.ask("whisper", to="bob", text="see you there")["type"] == "ok"
    assert ada.ask("join", channel="movers")["type"] == "ok"
    return ada


def test_a_world_moves_to_postgresql_and_its_players_go_on(vhost: Vhost, tmp_path: Path, postgresql_url: str) -> None:
    with a_deployment(vhost.url, tmp_path / "server") as old:
        ada = play(old)
        ada.close()
        source_url, key = old.database_url, old.settings.secret_key_file
    tables: list[Copied] = []
    copy(source_url, postgresql_url, int(time.time() * 1000) + QUIET_MS, tables.append)
    assert {table.table: table.rows for table in tables if table.table in ("accounts", "outbox")} == {
        "accounts": 2,
        "outbox": 2,
    }
    with a_deployment(vhost.url, tmp_path / "new", postgresql_url, {"GAMESERVER_SECRET_KEY_FILE": str(key)}) as new:
        new.worker(name="all")
        gateway = new.gateway()
        with LineClient(gateway.port) as again, LineClient(gateway.port) as bob:
            again.resume(ada.token)
            assert again.session == ada.session
            assert again.ask("purse")["data"]["coins"] == 93
            assert again.ask("talk", channel="movers", text="still a member")["type"] == "ok"
            bob.login("bob")
            bob.expect("heard", how="whisper", text="see you there")
            assert bob.expect("received")["coins"] == 7
            assert bob.ask("purse")["data"]["coins"] == 107
