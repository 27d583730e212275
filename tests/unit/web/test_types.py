"""The JavaScript library as a package: programs find it by its name, and its types know right use from wrong."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deployments import ROOT
from tests.nodes import JAVASCRIPT, PACKAGE, a_program, node, tsc

# As strict as a program may be; ``dom`` has the WebSocket of browsers.
OPTIONS = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext")
MANIFEST = json.loads((PACKAGE / "package.json").read_text())
SOCKETLESS = """
import { Client } from "gameserver-client";
delete globalThis.WebSocket;
await new Client("ws://127.0.0.1:1/socket").open().catch(({ name, code }) => console.log(name, code));
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_programs_in_typescript_are_checked_by_the_librarys_types(tmp_path: Path) -> None:
    """Each wrong use is found: ``typed.ts`` says where one is expected."""
    folder = a_program(tmp_path)
    shutil.copy(JAVASCRIPT / "typed.ts", folder)
    done = run(folder, tsc(), *OPTIONS, "--lib", "es2022,dom", "typed.ts")
    assert done.returncode == 0, done.stdout


def test_what_the_package_has_is_found_by_its_name_and_nothing_else(tmp_path: Path) -> None:
    folder = a_program(tmp_path)
    (folder / "has.mjs").write_text('import * as all from "gameserver-client"; console.log(Object.keys(all).join(" "))')
    done = run(folder, node(), "has.mjs")
    typed = re.findall(r"^export (?:class|const|function) (\w+)", (PACKAGE / "index.d.ts").read_text(), re.MULTILINE)
    assert done.stdout.split() == sorted(typed), done.stderr
    (folder / "inside.mjs").write_text('import "gameserver-client/index.js"')
    assert "ERR_PACKAGE_PATH_NOT_EXPORTED" in run(folder, node(), "inside.mjs").stderr


def test_every_file_that_the_package_names_is_published() -> None:
    named = {
        MANIFEST["main"],
        MANIFEST["types"],
        *(path.removeprefix("./") for path in MANIFEST["exports"]["."].values()),
    }
    assert named <= {*MANIFEST["files"]}
    kept = {file.name for file in PACKAGE.iterdir()}
    assert kept == {*MANIFEST["files"], "package.json", "README.md"}  # npm takes these along by itself


def test_without_a_websocket_the_library_says_that_no_gateway_can_be_reached(tmp_path: Path) -> None:
    folder = a_program(tmp_path)
    (folder / "socketless.mjs").write_text(SOCKETLESS)
    assert run(folder, node(), "socketless.mjs").stdout.strip() == "ConnectionLost unreachable"


@pytest.mark.parametrize("document", [PACKAGE / "README.md", ROOT / "docs" / "clients.md"])
def test_the_documents_say_which_node_it_takes(document: Path) -> None:
    assert MANIFEST["engines"]["node"] == ">=20"
    assert "Node 20" in document.read_text()
