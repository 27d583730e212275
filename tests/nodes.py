"""Node and TypeScript's compiler, for tests of JavaScript. Without them those are skipped, and fail in CI."""

import os
import shutil
from pathlib import Path

import pytest

JAVASCRIPT = Path(__file__).parent / "javascript"


def node() -> str:
    """Where Node is."""
    return _program("node", "Node")


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
