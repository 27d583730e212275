"""The command line as a whole: every group is there, and a fault of the project ends a command with a sentence."""

import argparse
import io
import os
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from gameserver import cli
from gameserver.cli import main, parser
from gameserver.cli.commands import ANSWER_S_MAX
from gameserver.errors import Corrupt

OPERATING = Path(__file__).parents[3] / "docs" / "operating.md"


def commands(of: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser, by name; of one that has commands of its own, those."""
    groups = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    found = {name: made for group in groups for name, made in group.choices.items()}
    deeper = {f"{name} {more}": made for name, group in found.items() for more, made in commands(group).items()}
    return {name: made for name, made in found.items() if not commands(made)} | deeper


def test_every_module_with_commands_is_added() -> None:
    modules = [import_module(f"{cli.__name__}.{found.name}") for found in pkgutil.iter_modules(cli.__path__)]
    assert {module.__name__ for module in modules if hasattr(module, "add")} == {
        f"{cli.__name__}.{m}" for m in cli.GROUPS
    }


@pytest.mark.parametrize("module", cli.GROUPS)
def test_the_commands_of_a_module_are_those_for_which_it_is_imported(module: str) -> None:
    (group,) = (a for a in parser([module])._actions if isinstance(a, argparse._SubParsersAction))
    assert tuple(group.choices) == cli.GROUPS[module]


def test_the_documents_say_of_each_command_how_long_it_takes() -> None:
    section = OPERATING.read_text(encoding="utf-8").split("## How long a command takes")[1].split("\n## ")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    said = {name: how for names, how in rows for name in re.findall(r"`([^`]+)`", names)}
    assert said.keys() == commands(parser()).keys()
    bounded = {name for name, made in commands(parser()).items() if made.get_default("s_max") == ANSWER_S_MAX}
    assert {
        name for name, how in said.items() if how.strip().startswith(f"{ANSWER_S_MAX:g} seconds at most")
    } == bounded


def test_a_command_imports_nothing_of_other_commands() -> None:
    asked = "import sys; from gameserver.cli import _parsed; _parsed(['key']); print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_every_command_says_what_it_does_and_has_a_function() -> None:
    found = commands(parser())
    assert {"up", "status", "bots", "events", "catalogue diff", "dead replay", "migrate", "world apply", "key"} <= set(
        found
    )
    assert all(command.description and callable(command.get_default("command")) for command in found.values())


@pytest.mark.parametrize(
    ("words", "shown"), [([], ("up", "play", "status")), (["dead"], ("list", "replay")), (["world"], ("apply",))]
)
def test_who_names_no_command_is_shown_them_all(
    words: list[str], shown: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert all(f"    {name} " in said for name in shown), said


def test_nobody_plays_in_a_file(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["play"]) == 1
    assert capsys.readouterr().err.startswith("gameserver: This is no terminal")


def test_a_fault_is_one_sentence_and_an_interruption_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GAMESERVER_FRAME_BYTES_MAX", "many")
    assert main(["events"]) == 1
    assert capsys.readouterr().err == "gameserver: GAMESERVER_FRAME_BYTES_MAX='many' is not a number.\n"


def test_a_game_that_cannot_be_imported_is_one_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(module: str) -> None:
        raise Corrupt("bad_declaration", "mygame/items/entities.py:7: Item: count needs a default.")

    monkeypatch.setattr("gameserver.cli.import_module", broken)
    assert main(["migrations", "check"]) == 1
    assert capsys.readouterr().err == "gameserver: mygame/items/entities.py:7: Item: count needs a default.\n"


@pytest.mark.parametrize(("raised", "status"), [(Corrupt("x", "A sentence."), 1), (KeyboardInterrupt(), 130)])
def test_the_status_says_how_a_command_ended(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException, status: int
) -> None:
    def fail(_: object) -> int:
        raise raised

    monkeypatch.setattr("gameserver.cli.catalogue._events", fail)
    assert main(["events"]) == status


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "/nowhere/x"), "/nowhere/x: No such file or directory.\n"),
        (OSError("the cable is cut"), "the cable is cut.\n"),
    ],
)
def test_what_the_machine_refuses_is_one_sentence_in_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: OSError, said: str
) -> None:
    def fail(_: object) -> int:
        raise raised

    monkeypatch.setattr("gameserver.cli.catalogue._events", fail)
    assert main(["events"]) == 1
    assert capsys.readouterr().err == f"gameserver: {said}"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["tail", "--count", "-1"], "count: -1 is not a number from 0 to"),
        (["dead", "list", "--hours", "nan"], "hours: nan is not a number from 0 to"),
        (["dead", "list", "--hours", "1e400"], "hours: inf is not a number from 0 to"),
        (["up", "--bots", "-5"], "bots: -5 is not a number from 0 to"),
        (["announce", "a\udcffb"], "text: 'a\\udcffb' is no text in UTF-8"),
        (["roles", "grant", "\udcff", "builder"], "is no text in UTF-8"),
    ],
    ids=" ".join,
)
def test_an_argument_that_means_nothing_is_refused_before_anything_is_done(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_path_may_be_of_any_bytes() -> None:
    assert cli._parsed(["backup", "b/\udcff"]).file.name == "\udcff"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_what_finds_no_room_for_its_output_says_so() -> None:
    """Also where all of it fits into Python's buffer, which is written at the end."""
    little = "Namespace(command=lambda given: print('a little') or 0, s_max=9)"
    said = f"from argparse import Namespace; from gameserver import cli; cli._parsed = lambda argv: {little}"
    with Path("/dev/full").open("w") as full:
        command = (sys.executable, "-c", f"{said}; raise SystemExit(cli.main())")
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60, env=environ
        )
    assert (done.returncode, done.stderr) == (1, "gameserver: [Errno 28] No space left on device.\n")
