"""docker/replace.sh with a `docker` that only notes what it is asked: some families at a time, new containers first."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.deployments import ROOT

RUNNING = ("worker-chat", "worker-movement", "worker-trade", "worker-world", "worker-post")
DOCKER = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
  "compose ps --services --status running") printf '%s\\n' {running} ;;
  "compose ps --quiet "*) echo "old-$4" ;;
esac
"""


def replace(folder: Path, *words: str, **settings: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run it. Returns how it ended, and what it asked for that changes something."""
    docker = folder / "docker"
    docker.write_text(DOCKER.format(running=" ".join(RUNNING)))
    docker.chmod(0o755)
    calls = folder / "calls"
    calls.touch()
    environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(calls), **settings}
    command = [str(ROOT / "docker" / "replace.sh"), *words]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    return done, [call for call in calls.read_text().splitlines() if not call.startswith("compose ps")]


def started(*services: str) -> str:
    scales = " ".join(f"--scale {service}=2" for service in services)
    return f"compose up --detach --wait --no-recreate {scales} {' '.join(services)}"


@pytest.mark.parametrize(("at_once", "portions"), [("", (4, 1)), ("2", (2, 2, 1)), ("9", (5,))])
def test_some_families_at_a_time_the_new_containers_first(
    tmp_path: Path, at_once: str, portions: tuple[int, ...]
) -> None:
    done, calls = replace(tmp_path, *RUNNING, **{"AT_ONCE": at_once} if at_once else {})
    assert (done.returncode, done.stderr) == (0, "")
    left = list(RUNNING)
    expected = []
    for size in portions:
        now, left = left[:size], left[size:]
        olds = " ".join(f"old-{service}" for service in now)
        expected += [started(*now), f"stop {olds}", f"rm {olds}"]
    assert calls == expected


@pytest.mark.parametrize(
    ("words", "settings", "said"),
    [
        ((), {}, "Usage: "),
        (("worker-chat", "worker-chess"), {}, "worker-chess is not running.\n"),
        (("worker-chat",), {"AT_ONCE": "0"}, "AT_ONCE is '0', and should be a number of families, 1 to 99.\n"),
        (("worker-chat",), {"AT_ONCE": "all"}, "AT_ONCE is 'all', and should be a number of families, 1 to 99.\n"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_started(
    tmp_path: Path, words: tuple[str, ...], settings: dict[str, str], said: str
) -> None:
    done, calls = replace(tmp_path, *words, **settings)
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert calls == []
