"""The bots of docs/clients.md, run as they are written there, while the gateway that they know is killed."""

import os
import re
import sys
from pathlib import Path

from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient, Packet
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import Proc
from tests.deployments import ROOT, write_world
from tests.nodes import a_program, with_websocket

TEXT = (ROOT / "docs" / "clients.md").read_text()
ROOM = ("#####", "#s..#", "#...#", "#####")


def program(folder: Path, name: str) -> Path:
    """A program of the document, in a file."""
    (text,) = re.findall(rf"```\w+\n((?:#|//) {re.escape(name)}\n.*?)```", TEXT, re.DOTALL)
    file = folder / name
    file.write_text(text)
    return file


def test_both_bots_greet_and_give_once_though_their_gateway_is_killed(deployment: Deployment, tmp_path: Path) -> None:
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *ROOM))
    deployment.worker(name="all")
    tcp, web = free_ports(2)
    endpoints = {"GAMESERVER_ENDPOINTS": f"tcp:{tcp}:interface=127.0.0.1 web:tcp:{web}:interface=127.0.0.1"}
    first = deployment.gateway("first", env=endpoints)
    greeter = program(tmp_path, "greeter.py")
    usher = program(a_program(tmp_path / "usher"), "usher.mjs")
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    bots = [
        Proc("greeter", (sys.executable, str(greeter), "127.0.0.1", str(tcp)), environ, tmp_path / "greeter.log"),
        Proc("usher", (*with_websocket(), str(usher), f"ws://127.0.0.1:{web}/socket"), environ, tmp_path / "usher.log"),
    ]
    deployment.procs += bots
    with LineClient(tcp) as ada:
        ada.register("Ada")
        for name in ("greeter", "usher"):
            while name not in [being["id"] for being in seen(ada)]:
                ada.read_for(0.1)
        assert ada.ask("say", text="hello")["type"] == "ok"
        both_greet(ada)
        first.kill()
    deployment.gateway("second", env=endpoints)
    with LineClient(tcp) as ada:
        ada.login("Ada")
        while not {"greeter", "usher"} <= {being["id"] for being in seen(ada) if being["v"] > 1}:  # they are back
            ada.read_for(0.1)
        assert ada.ask("say", text="hello")["type"] == "ok"
        both_greet(ada)
        assert ada.ask("purse")["data"]["coins"] == 104
    assert all(bot.alive for bot in bots), [bot.tail for bot in bots]


def seen(client: LineClient) -> list[Packet]:
    """All who were told of as being in view."""
    views = [being for view in client.saw("view") for being in view["beings"]]
    return views + [notice["being"] for notice in client.saw("appeared")]


def both_greet(client: LineClient) -> None:
    """Both say hello and give a coin; what waits for somebody may be told as one gift, of two coins."""
    for by in ("Greeter", "Usher"):
        assert client.expect("heard", by=by)["text"] == "Hello, Ada!"
    gifts = 0
    while gifts < 2:
        received = client.expect("received")
        gifts += received.get("gifts", 1)
        client.ask("ack", ids=[received["id"]])
