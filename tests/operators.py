"""What operators type, as they type it: Celery's commands, in this folder."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gameserver.testing.deployment import Deployment
from gameserver.testing.rabbitmq_node import RunningNode
from tests.deployments import ROOT

COMMAND_S_MAX = 90


def celery(deployment: Deployment, *words: str, status: int = 0, env: Mapping[str, str] | None = None) -> str:
    """What a command of ``celery -A tasks`` prints. Fails when it ends with another status."""
    return run(deployment, sys.executable, "-m", "celery", "-A", "tasks", *words, status=status, env=env)


def run(deployment: Deployment, *command: str, status: int = 0, env: Mapping[str, str] | None = None) -> str:
    """What any command prints."""
    done = subprocess.run(
        command,
        env={**deployment.environ, **(env or {})},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    assert done.returncode == status, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@contextmanager
def alarm(node: RunningNode) -> Iterator[None]:
    """Let the broker take nothing from those who publish within the block, as when it is short of memory."""
    node.ctl("set_vm_memory_high_watermark", "0.00000001")
    try:
        yield
    finally:
        node.ctl("set_vm_memory_high_watermark", "0.6")
