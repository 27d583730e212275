"""The JavaScript library goes where a gateway sends it, and stays where that cannot be reached."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from gameserver.testing.ports import free_ports
from gameserver.testing.processes import eventually
from tests.nodes import play_in_node

WELCOME = {"type": "welcome", "protocol": 1, "lane_waiting_max": 32, "idle_s_max": 300}
HEARD = {"type": "heard", "how": "say", "by": "Bob", "text": "The end.", "at_ms": 1}


class Gateway:
    """Lets everybody in. ``elsewhere``: where it sends them; it answers no event of who shall go."""

    def __init__(self, elsewhere: str = "") -> None:
        self.elsewhere = elsewhere
        self.asked: list[dict[str, Any]] = []

    async def play(self, connection: ServerConnection) -> None:
        async for message in connection:
            packet = json.loads(message)
            self.asked.append(packet)
            for answer in self.answers(packet):
                await connection.send(json.dumps(answer))

    def answers(self, packet: dict[str, Any]) -> list[dict[str, Any]]:
        if packet["type"] == "hello":
            return [WELCOME]
        if packet["type"] in ("login", "resume"):
            known = {"player": "ada", "zone": "town", "x": 1, "y": 1}
            led = [{"type": "elsewhere", "address": self.elsewhere}] if self.elsewhere else []
            return [{"type": "token", "token": "t", "session": "s"}, {"type": "ok", "re": 1, "data": known}, *led]
        answers = packet["type"] == "say" and (not self.elsewhere or self.types.count("resume"))
        return [{"type": "ok", "re": packet["seq"]}, HEARD] if answers else []

    @property
    def types(self) -> list[str]:
        return [packet["type"] for packet in self.asked]


async def led(first: Gateway, second: Gateway | None, elsewhere: str = "") -> dict[str, Any]:
    protocols: Any = {"subprotocols": ["gameserver.json"]}
    target = await serve(second.play, "127.0.0.1", 0, **protocols) if second else None
    if target is not None:
        elsewhere = f"ws://127.0.0.1:{next(iter(target.sockets)).getsockname()[1]}/socket"
    first.elsewhere = elsewhere
    async with serve(first.play, "127.0.0.1", 0, **protocols) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        said, wrong, status = await play_in_node("led.mjs", f"ws://127.0.0.1:{port}/socket")
    assert status == 0, wrong.decode()
    if target is not None:
        target.close()
    found: dict[str, Any] = json.loads(said)
    return found


def play(*what: Any) -> dict[str, Any]:
    return asyncio.run(asyncio.wait_for(led(*what), 30))


def test_a_client_resumes_at_the_gateway_that_it_was_sent_to() -> None:
    first, second = Gateway(), Gateway()
    assert play(first, second) == {"said": {}, "lost": ["elsewhere"], "reconnects": 1}
    assert second.types[:3] == ["hello", "resume", "say"]
    assert second.asked[1]["token"] == "t"


def test_a_client_stays_where_the_other_gateway_cannot_be_reached() -> None:
    gateway = Gateway()
    nowhere = f"ws://127.0.0.1:{free_ports(1)[0]}/socket"
    assert play(gateway, None, nowhere) == {"said": {}, "lost": ["elsewhere"], "reconnects": 1}
    assert [one for one in gateway.types if one != "say"] == ["hello", "login", "hello", "resume"]


def test_a_script_that_is_waited_for_in_vain_does_not_run_on() -> None:
    async def given_up() -> set[int]:
        came = asyncio.Event()

        async def says_nothing(connection: ServerConnection) -> None:
            came.set()
            await connection.wait_closed()

        async with serve(says_nothing, "127.0.0.1", 0, subprotocols=["gameserver.json"]) as server:  # type: ignore[list-item]
            port = next(iter(server.sockets)).getsockname()[1]
            playing = asyncio.ensure_future(play_in_node("led.mjs", f"ws://127.0.0.1:{port}/socket"))
            await asyncio.wait_for(came.wait(), 30)
            started = children()
            playing.cancel()
            await asyncio.wait((playing,))
        return started

    before = children()
    started = asyncio.run(given_up()) - before
    assert len(started) == 1
    eventually(lambda: not started & children(), "no such process", 10)


def children() -> set[int]:
    """The live processes that this one has started."""
    pids = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return {int(pid) for pid in pids if Path("/proc", pid, "cmdline").read_bytes()}  # a zombie has none


@pytest.mark.parametrize("address", ["10.0.0.2:4000", "javascript:alert(1)", "https://play2.example/"])
def test_a_client_of_websockets_goes_nowhere_else(address: str) -> None:
    gateway = Gateway()
    gateway.answers = lambda packet: (  # type: ignore[method-assign]
        [{"type": "ok", "re": packet["seq"]}, HEARD] if packet["type"] == "say" else Gateway.answers(gateway, packet)
    )
    assert play(gateway, None, address) == {"said": {}, "lost": [], "reconnects": 0}
