"""One session, packet by packet, that both client libraries must play.

Replies come out of order, notices late and twice, the window is full, and the connection is cut in the middle. A step
leads into another cell, whose view was drawn before somebody appeared there.
``golden.json`` holds a list of packets for each connection: ``C`` is what the client must send next, ``S`` what it is
told. After the last packet of a list the connection is cut.
"""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from gameserver.client import Backoff, Client, Refused
from tests.nodes import play_in_node

SCRIPT: list[list[tuple[str, dict[str, Any]]]] = json.loads((Path(__file__).parent / "golden.json").read_text())
LIBRARY = Path(__file__).parents[3] / "gateway" / "web" / "gameserver-client"
S_MAX = 30
WHAT_COMES_OF_IT = {
    "player": "ada",
    "results": [{"coins": 97}, {}, "busy", {"zone": "town", "x": 8, "y": 4}],
    "heard": ["psst"],
    "stands": ["town", 8, 4, 95],
    "beings": [["bob", 16, 4, 100], ["rat", 6, 4, 12]],
    "reconnects": 1,
}


class Gateway:
    """Plays the server's side, and keeps where a client went astray."""

    def __init__(self) -> None:
        self.played = 0
        self.astray: list[tuple[Any, Any]] = []

    async def play(self, read: Callable[[], Awaitable[bytes]], write: Callable[[bytes], Awaitable[Any]]) -> None:
        self.played += 1
        for side, packet in SCRIPT[self.played - 1]:
            if side == "S":
                await write(json.dumps(packet).encode())
                continue
            sent = json.loads(await read())
            if {**sent, "catalogue": ""} != {**packet, "catalogue": ""}:  # left out, it is "" too
                self.astray.append((sent, packet))
                return

    async def over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(packet: bytes) -> None:
            writer.write(packet + b"\n")

        await self.play(reader.readline, write)
        writer.close()

    async def over_websocket(self, connection: ServerConnection) -> None:
        async def read() -> bytes:
            return str(await connection.recv()).encode()

        await self.play(read, lambda packet: connection.send(packet.decode()))
        connection.transport.abort()


async def python_plays(gateway: Gateway) -> dict[str, Any]:
    heard: list[str] = []
    async with await asyncio.start_server(gateway.over_tcp, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        take = lambda notice: heard.append(notice["text"]) if notice["type"] == "heard" else None  # noqa: E731
        client = Client([("127.0.0.1", port)], codec="json", on_notice=take, backoff=Backoff(base_s=0.001))
        await client.open()
        me = await client.register("Ada", "a long secret")
        asked = [
            client.send("give", to="Bob", coins=3),
            client.send("say", text="one ☃"),
            client.send("purse"),
            client.send("move", dir="e"),
        ]
        came = await asyncio.gather(*asked, return_exceptions=True)
        await client.logout()
    return {
        "player": me["player"],
        "results": [one.code if isinstance(one, Refused) else one for one in came],
        "heard": heard,
        "stands": [client.me[name] for name in ("zone", "x", "y", "hp")],
        "beings": [[being[name] for name in ("id", "x", "y", "hp")] for being in client.beings.values()],
        "reconnects": client.reconnects,
    }


async def javascript_plays(gateway: Gateway) -> dict[str, Any]:
    async with serve(gateway.over_websocket, "127.0.0.1", 0, subprotocols=["gameserver.json"]) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        said, wrong, status = await play_in_node("golden.mjs", f"ws://127.0.0.1:{port}/socket")
    assert status == 0, wrong.decode()
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.mark.parametrize("plays", [python_plays, javascript_plays])
def test_both_libraries_play_the_golden_session(plays: Callable[[Gateway], Any]) -> None:
    gateway = Gateway()
    found = asyncio.run(asyncio.wait_for(plays(gateway), S_MAX))
    assert gateway.astray == []
    assert gateway.played == len(SCRIPT)
    assert found == WHAT_COMES_OF_IT


def test_the_library_is_small_and_depends_on_nothing() -> None:
    source = (LIBRARY / "index.js").read_bytes()
    assert len(gzip.compress(source)) < 10_000
    assert b"import " not in source
    package = json.loads((LIBRARY / "package.json").read_text())
    assert "dependencies" not in package
    assert {*package["files"], package["main"], package["types"]} <= {file.name for file in LIBRARY.iterdir()}
