"""``python -m tests.chaos``: see ``tests.chaos.run``."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from gameserver.up.rabbitmq import PrivateNode
from tests.chaos.run import RATE, run
from tests.chaos.schedule import FAULTS
from tests.chaos.stage import Stage
from tests.databases import Cluster, installed


def main() -> int:
    """Run seeds one after the other. Returns 1 when a verdict is bad."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--seeds", type=int, default=1, help="so many seeds, from --seed on")
    parser.add_argument("--seconds", type=float, default=60.0, help="of play under faults, per seed")
    parser.add_argument("--every", type=float, default=6.0, help="seconds between faults, on average")
    parser.add_argument("--rate", type=float, default=RATE, help="actions per second and player")
    parser.add_argument("--only", action="append", choices=list(FAULTS), help="only this fault; repeatable")
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("--keep", type=Path, help="keep the logs in this folder")
    parser.add_argument("--sabotage", default="", help="switch a guarantee off, to see that it is missed")
    arguments = parser.parse_args()
    bad = 0
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            bad += _one(seed, arguments, (arguments.keep or Path(scratch)) / str(seed))
    return 1 if bad else 0


def postgresql_binaries() -> Path:
    """Where PostgreSQL's programs are. Ends the program when there are none."""
    found = installed()
    if found is None:
        raise SystemExit("PostgreSQL is not installed (docker/system-packages.sh test installs it).")
    return found


def _one(seed: int, arguments: argparse.Namespace, folder: Path) -> int:
    node = PrivateNode.somewhere(folder / "rabbitmq")
    node.start()
    node.wait_until_up()
    cluster = Cluster(postgresql_binaries()) if arguments.postgresql else None
    if cluster:
        cluster.start()
    sabotaged = (
        {"app": "tests.chaos.sabotaged", "gateway_module": "tests.chaos.sabotaged"} if arguments.sabotage else {}
    )
    database_url = cluster.url(cluster.migrated) if cluster else ""
    stage = Stage(node, folder / "house", database_url, env={"CHAOS_SABOTAGE": arguments.sabotage}, **sabotaged)
    try:
        faults = arguments.only or tuple(FAULTS)
        report = run(stage, seed, arguments.seconds, every_s=arguments.every, rate=arguments.rate, faults=faults)
    finally:
        stage.stop()
        node.kill()
        node.stop()
        if cluster:
            cluster.stop()
    print(report, flush=True)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
