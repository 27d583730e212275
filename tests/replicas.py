"""``python -m tests.replicas FOLDER APP FAMILY COUNT``: see to so many workers of a family, as Kubernetes would.

Each is a process of its own, told to stop by SIGTERM. It returns at once; those that stop are not counted any more.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def main(folder: Path, app: str, family: str, count: int) -> None:
    """Start or stop workers."""
    files = sorted(folder.glob(f"{family}-*.pid"), key=lambda file: file.stat().st_mtime_ns)
    for file in files[count:]:
        with suppress(ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGTERM)
        file.rename(file.with_suffix(".stopped"))
    for _ in range(len(files), count):
        _start(folder, app, family)


def _start(folder: Path, app: str, family: str) -> None:
    name = f"{family}-{len([*folder.glob(f'{family}-*')])}"
    pool = ("--pool", "prefork", "-c", "1", "--loglevel", "INFO")
    command = (sys.executable, "-m", "celery", "-A", app, "worker", "-Q", family, "-n", f"{name}@%h", *pool)
    with (folder / f"log.{name}").open("ab") as log:
        worker = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    (folder / f"{name}.pid").write_text(str(worker.pid))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
