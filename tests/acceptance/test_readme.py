"""The README's example of a client, run as it is written there but for the port."""

import os
import subprocess
import sys
from pathlib import Path

from gameserver.testing.deployment import LiveDeployment
from tests.deployments import ROOT
from tests.unit.docs.test_examples import walk

EXAMPLE_S_MAX = 60


def run(program: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=program.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=EXAMPLE_S_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_example_walks_and_walks_again(server: LiveDeployment, tmp_path: Path):
    """Registered the first time, logged in the second; what is refused on the way is told, not raised."""
    assert "4000" in walk()
    program = tmp_path / "walk.py"
    program.write_text(walk().replace("4000", str(server.gateway.port)))
    first, again = run(program), run(program)
    assert len(first) == len(again) == 6
    assert all(line.startswith("town ") or " wall " in line for line in first + again)
    assert any("in view: " in line for line in first)


def test_the_example_tells_what_is_refused(server: LiveDeployment, tmp_path: Path):
    program = tmp_path / "walk.py"
    north = walk().replace("4000", str(server.gateway.port)).replace('("n", "n", "e", "e", "s", "w")', '("n",) * 60')
    program.write_text(north.replace("Cora", "Nora"))
    assert run(program)[-1] in ("n wall There is no way.", "n too_fast Nobody walks that fast.")
