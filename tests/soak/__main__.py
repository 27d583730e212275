"""``python -m tests.soak``: see ``tests.soak.run``. Exit status 1 when something grows, or was not answered."""

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from gameserver.testing.rabbitmq_node import RunningNode
from gameserver.testing.run_guard import guarded
from tests.chaos.__main__ import postgresql_binaries
from tests.databases import Cluster
from tests.soak.report import page
from tests.soak.run import EVERY_S, RATE, Report, run, stage_of


@guarded()
def main() -> int:
    """Run one soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--every", type=float, default=EVERY_S, help="seconds between faults, on average")
    parser.add_argument("--rate", type=float, default=RATE, help="events a second of each bot")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("--leak", choices=("gateway", "worker"), default="", help="have it keep everything it gets")
    parser.add_argument("--report", type=Path, help="write what was found into this file")
    parser.add_argument("--keep", type=Path, help="keep the logs in this folder")
    parser.add_argument("--judge", type=Path, help="judge again what a run kept (its report.json), and play nothing")
    arguments = parser.parse_args()
    if arguments.judge:
        report = msgspec.json.decode(arguments.judge.read_bytes(), type=Report)
        print(page(report, f"From {arguments.judge}"), flush=True)
        return 1 if report.wrong else 0
    with tempfile.TemporaryDirectory() as scratch:
        report = _soaked(arguments, arguments.keep or Path(scratch))
    text = page(report, _what(arguments))
    print(text, flush=True)
    if arguments.report:
        arguments.report.write_text(text)
    if arguments.keep:
        (arguments.keep / "report.json").write_bytes(msgspec.json.encode(report))
    return 1 if report.wrong else 0


def _soaked(arguments: argparse.Namespace, folder: Path) -> Report:
    seconds = arguments.hours * 3600
    cluster = Cluster(postgresql_binaries()) if arguments.postgresql else None
    node = RunningNode.somewhere(folder / "rabbitmq")
    node.start()
    node.wait_until_up()
    if cluster:
        cluster.start()
    stage = stage_of(node, folder / "server", seconds, cluster.url(cluster.migrated) if cluster else "", arguments.leak)
    try:
        return run(stage, arguments.seed, seconds, every_s=arguments.every, rate=arguments.rate)
    finally:
        stage.stop()
        node.kill()
        node.stop()
        if cluster:
            cluster.stop()


def _what(arguments: argparse.Namespace) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    database = "PostgreSQL" if arguments.postgresql else "SQLite"
    return (
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, commit {commit.stdout.strip() or 'unknown'}, seed "
        f"{arguments.seed}, {database}, Python {platform.python_version()}"
        + (f", with a leak in the {arguments.leak} switched on" if arguments.leak else "")
    )


if __name__ == "__main__":
    sys.exit(main())
