"""Node, for tests of what is written in JavaScript. Without it they are skipped, and fail in CI."""

import os
import shutil
from pathlib import Path

import pytest

JAVASCRIPT = Path(__file__).parent / "javascript"


def node() -> str:
    """Where Node is."""
    found = shutil.which("node")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail("Node is missing, and in CI this test must run: docker/system-packages.sh test", pytrace=False)
    pytest.skip("Node is not installed (docker/system-packages.sh test installs it)")
