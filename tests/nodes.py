"""Node and TypeScript's compiler, for tests of JavaScript. Without them those are skipped, and fail in CI."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gameserver.local.processes import tethered

JAVASCRIPT = Path(__file__).parent / "javascript"
PAGE = Path(__file__).parents[1] / "gateway" / "web" / "page"
PACKAGE = Path(__file__).parents[1] / "gateway" / "web" / "gameserver-client"
ITS_OWN = "--experimental-websocket"  # WebSocket that Node 22 has without being asked, and 20 with this


def node() -> str:
    """Where Node is."""
    return _program("node", "Node")


def a_program(folder: Path) -> Path:
    """A folder of a program of modules, which has the library installed: what npm would put there, and no more."""
    made = folder / "node_modules" / "gameserver-client"
    made.mkdir(parents=True)
    manifest = PACKAGE / "package.json"
    for name in ("package.json", *json.loads(manifest.read_text())["files"]):
        shutil.copy(PACKAGE / name, made)
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    return folder


def with_websocket() -> tuple[str, ...]:
    """Node, with a WebSocket of its own; where it has none, with ours."""
    has = subprocess.run((node(), ITS_OWN, "--eval", "WebSocket"), capture_output=True, check=False).returncode == 0
    return (node(), ITS_OWN) if has else (node(), "--import", str(JAVASCRIPT / "global_socket.mjs"))


async def play_in_node(script: str, *words: str) -> tuple[bytes, bytes, int | None]:
    """Run a script of ``tests/javascript``: what it printed, what was wrong, its status. It ends with the caller."""
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(
        *tethered((node(), str(JAVASCRIPT / script), *words), "KILL"), **pipes
    )
    try:
        said, wrong = await process.communicate()
    except BaseException:  # cancelled, mostly: a client that is left alone tries to connect for ever
        process.kill()
        await process.wait()
        raise
    return said, wrong, process.returncode


def page_in(folder: Path) -> Path:
    """Put the page's scripts into a folder, for Node: they name each other by their places on the site."""
    for file in PAGE.glob("*.js*"):
        (folder / file.name).write_text(re.sub(r'from "/(\w+\.js)"', r'from "./\1"', file.read_text()))
    return folder


def tsc() -> str:
    """Where TypeScript's compiler is."""
    return _program("tsc", "TypeScript")


def _program(name: str, called: str) -> str:
    found = shutil.which(name)
    if found:
        return found
    how = "docker/system-packages.sh test installs it"
    if os.environ.get("CI"):
        pytest.fail(f"{called} is missing, and in CI this test must run: {how}", pytrace=False)
    pytest.skip(f"{called} is not installed ({how})")
