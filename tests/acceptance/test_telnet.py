"""People at terminals: with clients that were not written here (telnetlib3, plain telnet, TinTin++), and with ours."""

import asyncio
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import telnetlib3

from gameserver.testing.deployment import LiveDeployment, living
from gameserver.testing.line_client import LineClient
from gameserver.wire.telnet import ACCEPTED, COMPRESSION_BEGINS, Option, subnegotiation
from tests.deployments import ROOT
from tests.deployments import module_deployment as module_deployment
from tests.recorder import Recorder
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


def uncompressed(line: Recorder) -> tuple[bytes, bytes]:
    """What the gateway sent as it is, and what it sent compressed."""
    plain, _, packed = bytes(line.answered).partition(COMPRESSION_BEGINS)
    return plain, zlib.decompressobj().decompress(packed)


CHARSETS = {"utf-8": "UTF-8", "latin-1": "ISO-8859-1"}  # as Python calls them, and as they are agreed on


async def _agree_on_characters(port: int, encoding: str, witness: LineClient) -> None:
    reader, writer = await telnetlib3.open_connection("127.0.0.1", port, encoding=encoding, term="dumb")
    player, name = Library(reader, writer), f"Agrees{encoding[0]}"
    for question, answer in (
        ("Your name", "new"),
        ("A name for your player", name),
        ("characters or more", PASSWORD),
        ("once more", PASSWORD),
    ):
        await player.reads(question)
        player.types(answer)
    await player.reads("Welcome")
    await asyncio.to_thread(witness.ask, "whisper", to=name, text="größer")
    await player.reads("größer")
    player.types("shout süßer")
    heard = await asyncio.to_thread(witness.expect, "heard", by=name)
    assert heard["text"] == "süßer"
    player.types("quit")
    await player.reads("Goodbye.")
    writer.close()


@pytest.mark.parametrize("encoding", CHARSETS)
def test_a_librarys_client_agrees_on_characters_before_any_is_typed(
    live: LiveDeployment, witness: LineClient, encoding: str
) -> None:
    with Recorder(live.gateway.telnet_port) as line:
        asyncio.run(_agree_on_characters(line.port, encoding, witness))
        accepted = subnegotiation(Option.CHARSET, bytes((ACCEPTED,)) + CHARSETS[encoding].encode())
        assert accepted in line.asked
        assert line.asked.index(accepted) < line.asked.index(PASSWORD.encode())
        assert "größer".encode(encoding) in b"".join(uncompressed(line))


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


@pytest.mark.parametrize("columns", [40, 100])
def test_lines_fit_the_window(live: LiveDeployment, tmp_path: Path, columns: int) -> None:
    command = (program("telnet"), "127.0.0.1", str(live.gateway.telnet_port))
    with ATerminal(*command, cwd=tmp_path, columns=columns) as telnet:
        enter(telnet, f"Wide{'abc'[columns // 50]}")
        telnet.types("help")
        shown = telnet.reads(r"(?s)help\r\n.*\r\n.*> ")
        widths = {len(line) for line in re.sub(r"\x1b\[[\d;]*m", "", shown).split("\r\n")}
        assert max(widths) in range(columns - 15, columns + 1)  # the next word had no room
        telnet.types("quit")
        telnet.reads("Goodbye.")


def test_a_mud_client_compresses_and_plays(live: LiveDeployment, witness: LineClient, tmp_path: Path) -> None:
    with Recorder(live.gateway.telnet_port) as line, ATerminal(program("tt++"), cwd=tmp_path) as mud:
        mud.types(f"#session w 127.0.0.1 {line.port}")
        enter(mud, "Tintin")
        mud.types("shout hello from a mud")
        mud.reads("You shout: .*hello from a mud")
        assert witness.expect("heard")["text"] == "hello from a mud"
        witness.ask("shout", text="and back")
        mud.reads("shouts: .*and back")
        assert PASSWORD not in mud.seen
        mud.types("quit")
        mud.reads("Goodbye.")
        assert line.answered.count(COMPRESSION_BEGINS) == 1
        plain, packed = uncompressed(line)
        assert b"hello from a mud" not in line.answered
        assert b"hello from a mud" in packed
        assert b"Your name" in plain + packed


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
