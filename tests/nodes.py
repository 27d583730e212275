"""Node and TypeScript's compiler, for tests of JavaScript. Without them those are skipped, and fail in CI."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from gameserver.local.processes import tethered

JAVASCRIPT = Path(__file__).parent / "javascript"


def node() -> str:
    """Where Node is."""
    return _program("node", "Node")


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
