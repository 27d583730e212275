"""People at terminals: with clients that were not written here (telnetlib3, plain telnet, TinTin++), and with ours."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import telnetlib3

from gameserver.testing.deployment import LiveDeployment, living
from gameserver.testing.line_client import LineClient
from tests.deployments import ROOT
from tests.deployments import module_deployment as module_deployment
from tests.terminals import PASSWORD, WAIT_S_MAX, ATerminal, enter, program

ENDPOINTS = "tcp:0:interface=127.0.0.1 telnet:tcp:0:interface=127.0.0.1"


@pytest.fixture(scope="module")
def live(module_deployment: Any) -> LiveDeployment:
    made = living(module_deployment, {"GAMESERVER_ENDPOINTS": ENDPOINTS})
    made.gateway.says("for telnet")
    return made


@pytest.fixture
def witness(live: LiveDeployment) -> Iterator[LineClient]:
    """A client of the other kind, in the same zone: they hear each other shout, wherever in it they begin."""
    with live.client() as made:
        made.register(f"Wit{made._socket.getsockname()[1]}")
        yield made


class Library:
    """A client of telnetlib3's."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self._reader, self._writer = reader, writer

    def types(self, line: str) -> None:
        self._writer.write(line + "\r\n")

    async def reads(self, text: str) -> str:
        seen = ""
        while text not in seen:
            try:
                got = await asyncio.wait_for(self._reader.read(4_096), WAIT_S_MAX)
            except TimeoutError:
                got = ""
            assert got, f"{text!r} was not seen in {seen!r}"
            seen += got
        return seen


async def _play_with_library(port: int, witness: LineClient) -> None:
    reader, writer = await telnetlib3.open_connection(
        "127.0.0.1", port, encoding="utf8", term="xterm-256color", cols=90, rows=30, force_binary=True
    )
    ada = Library(reader, writer)
    await ada.reads("Your name")
    ada.types("new")
    await ada.reads("A name for your player")
    ada.types("Library")
    await ada.reads("characters or more")
    ada.types(PASSWORD)
    await ada.reads("once more")
    ada.types(PASSWORD)
    await ada.reads("Welcome, \x1b[36mLibrary\x1b[0m.")  # it said that its terminal shows colours
    ada.types("shout grüße \N{OWL}")
    await ada.reads("You shout: \x1b[33mgrüße \N{OWL}")
    heard = await asyncio.to_thread(witness.expect, "heard")
    assert heard["text"] == "grüße \N{OWL}"
    await asyncio.to_thread(witness.ask, "whisper", to="Library", text="psst")
    await ada.reads("whispers to you")
    ada.types("purse")
    await ada.reads("You have ")
    ada.types("quit")
    await ada.reads("Goodbye.")
    writer.close()


def test_a_library_s_client_plays_beside_a_client_of_json(live: LiveDeployment, witness: LineClient) -> None:
    asyncio.run(_play_with_library(live.gateway.telnet_port, witness))


def test_plain_telnet_shows_no_password_and_plays(live: LiveDeployment, witness: LineClient, tmp_path: Path) -> None:
    command = (program("telnet"), "127.0.0.1", str(live.gateway.telnet_port))
    with ATerminal(*command, cwd=tmp_path) as telnet:
        enter(telnet, "Plain")
        assert PASSWORD not in telnet.seen
        telnet.types("shout hello from a terminal")
        telnet.reads("You shout: .*hello from a terminal")
        assert witness.expect("heard")["text"] == "hello from a terminal"
        telnet.types("look")
        telnet.reads("Millbrook.*, at \\d+, \\d+")
        telnet.types("map")
        telnet.reads("@")
        telnet.types("quit")
        telnet.reads("Goodbye.")


def test_a_mud_client_compresses_and_plays(live: LiveDeployment, witness: LineClient, tmp_path: Path) -> None:
    with ATerminal(program("tt++"), cwd=tmp_path) as mud:
        mud.types(f"#session w 127.0.0.1 {live.gateway.telnet_port}")
        enter(mud, "Tintin")
        mud.types("shout hello from a mud")
        mud.reads("You shout: .*hello from a mud")
        assert witness.expect("heard")["text"] == "hello from a mud"
        witness.ask("shout", text="and back")
        mud.reads("shouts: .*and back")
        assert PASSWORD not in mud.seen
        mud.types("#config {mccp}")
        mud.types("quit")
        mud.reads("Goodbye.")


def test_a_session_whose_gateway_was_killed_is_taken_up_on_another_one_by_its_code(
    live: LiveDeployment, witness: LineClient, tmp_path: Path
) -> None:
    doomed, other = (
        live.deployment.gateway(name, env={"GAMESERVER_ENDPOINTS": ENDPOINTS}) for name in ("doomed", "other")
    )
    for gateway in (doomed, other):
        gateway.says("for telnet")
    with ATerminal(program("telnet"), "127.0.0.1", str(doomed.telnet_port), cwd=tmp_path) as telnet:
        enter(telnet, "Lazarus")
        telnet.types("resume")
        code = telnet.reads("resume [-\\w]{20,}").split()[1]
        telnet.types("shout before")
        telnet.reads("You shout: .*before")
        doomed.kill()
        telnet.reads("closed by foreign host")
    witness.ask("whisper", to="Lazarus", text="where are you")
    with ATerminal(program("telnet"), "127.0.0.1", str(other.telnet_port), cwd=tmp_path) as telnet:
        telnet.reads("Your name")
        telnet.types(f"resume {code}")
        telnet.reads("You are Lazarus again")
        assert telnet.reads("resume [-\\w]{20,}").split()[1] != code
        telnet.reads("whispers to you: .*where are you")
        telnet.types("shout after")
        telnet.reads("You shout: .*after")
        assert [witness.expect("heard", by="Lazarus")["text"] for _ in range(2)] == ["before", "after"]
        telnet.types("quit")
        telnet.reads("Goodbye.")


def test_our_own_client_plays_in_a_terminal(live: LiveDeployment, witness: LineClient, tmp_path: Path) -> None:
    address = f"127.0.0.1:{live.gateway.port}"
    with ATerminal(sys.executable, "-m", "gameserver", "play", address, "--name", "Screen", cwd=ROOT) as screen:
        screen.reads("Who are you")
        screen.presses(PASSWORD + "\t\t\r")  # to the second button: a new player
        screen.reads("Type help")
        screen.types("shout hello from a screen")
        assert witness.expect("heard")["text"] == "hello from a screen"
        witness.ask("shout", text="welcome")
        screen.reads("welcome")
        screen.types("quit")
        screen.reads("Goodbye")
