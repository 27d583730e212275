"""Whether the process of a container lives: ``python -m gameserver.runtime.healthcheck``, status 0 or 1.

Asked is what shows that a process does its work, at the least cost, and without the broker: a gateway and a worker over
their metrics, Flower over its pages, beat by a file that it touches whenever it has published. Which of them it is, the
container's first process tells.
"""

import http.client
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from socket import gethostname

from gameserver import config
from gameserver.config import Settings

ANSWER_S_MAX = 5.0
SILENCE_S_MAX = 30.0  # a worker tells the broker every 2 seconds that it lives, beat publishes twice a second
FLOWER_PORT = 5555
HERE = "127.0.0.1"
_AGE = re.compile(r"^gameserver_worker_heartbeat_age_seconds (\S+)$", re.MULTILINE)


def part(words: Sequence[str]) -> str:
    """Return which part of a deployment a command line is; "" for none that lasts."""
    return next((part for part in ("gateway", "worker", "beat", "flower") if part in words), "")


def trouble(part: str, settings: Settings, now_s: float) -> str:
    """What is wrong with this container's process, "" if nothing is. ``now_s``: seconds since 1970."""
    if part == "beat":
        return _of_beat(alive_file(settings.var), now_s)
    if part == "flower":
        return "" if _get(FLOWER_PORT, "/healthcheck")[0] else "Flower does not answer"
    if part not in ("gateway", "worker"):
        return ""
    if settings.metrics is None or not settings.metrics.port:
        return "GAMESERVER_METRICS names no port to ask"
    answered, text = _get(settings.metrics.port, "/metrics")
    if not answered:
        return f"the {part} does not answer"
    return _of_worker(text) if part == "worker" else ""


def _of_beat(file: Path, now_s: float) -> str:
    silent_s = now_s - file.stat().st_mtime if file.is_file() else SILENCE_S_MAX
    return "" if silent_s < SILENCE_S_MAX else "beat publishes nothing"


def _of_worker(text: str) -> str:
    found = _AGE.search(text)
    return "" if found and float(found[1]) < SILENCE_S_MAX else "the worker's main loop is silent"


def alive_file(var: Path) -> Path:
    """What beat touches; one for each container where several share a folder."""
    return var / f"beat.{gethostname()}.alive"


def _get(port: int, path: str) -> tuple[bool, str]:
    """Whether somebody answers, if only by asking for a password; and what."""
    connection = http.client.HTTPConnection(HERE, port, timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status in (http.HTTPStatus.OK, http.HTTPStatus.UNAUTHORIZED), answer.read().decode()
    except (OSError, http.client.HTTPException):
        return False, ""
    finally:
        connection.close()


def main(words: Sequence[str]) -> int:
    """``words``: the command line of the process that is meant."""
    said = trouble(part([os.path.basename(word) for word in words]), config.load(), time.time())
    if said:
        print(said, file=sys.stderr)  # noqa: T201
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or Path("/proc/1/cmdline").read_text().split("\0")))
