"""``python -m tests.chaos``: see ``tests.chaos.run``."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gameserver.testing.chaos import run as games
from gameserver.testing.rabbitmq_node import RunningNode
from gameserver.testing.run_guard import guarded
from tests import places
from tests.chaos.run import POISON, RATE, TIPS, Report, run, run_long
from tests.chaos.schedule import ALL
from tests.chaos.stage import FULL_QUEUES, NOT_ASKING, Stage
from tests.databases import Cluster, installed

EVERY_S = 6.0
LONG_PLAYERS = 80
LONG_RATE = 15.0
LONG_EVERY_S = 1.2
LONG_POISON = 0.001  # each holds its lane for some 11 s
FULL_QUEUES_EVERY = 3  # one seed of so many
# Trades: little but kills, as often as what was killed can come back.
MIXED_KILLS = {"kill a worker's child": 5, "kill a worker": 3, "kill a gateway": 1, "clients hang up": 1}
MIXED_EVERY_S = 1.5
MIXED_BOTS = 24
MIXED_RATE = 4.0


@guarded()
def main() -> int:
    """Run seeds one after the other. Returns 1 when a verdict is bad."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--seeds", type=int, default=1, help="so many seeds, from --seed on")
    parser.add_argument("--seconds", type=float, default=60.0, help="of play under faults, per seed")
    parser.add_argument("--every", type=float, default=0.0, help="seconds between faults, on average")
    parser.add_argument("--rate", type=float, default=0.0, help="actions per second and player")
    parser.add_argument("--only", action="append", choices=list(ALL), help="only this fault; repeatable")
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("--keep", type=Path, help="keep the logs in this folder")
    parser.add_argument("--sabotage", default="", help="switch a guarantee off, to see that it is missed")
    parser.add_argument("--no-asking", action="store_true", help="gateways never ask again by themselves")
    parser.add_argument("--poison", type=float, help="how likely a whisper breaks what handles it")
    parser.add_argument("--tips", type=float, default=TIPS, help="how likely a gift is the other release's")
    parser.add_argument("--long", action="store_true", help="one run, until there were --faults and --events")
    parser.add_argument("--faults", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--players", type=int, help="how many play, in the long run and with --mixed")
    parser.add_argument(
        "--mixed", action="store_true", help="bots play all that there is, and little happens but kills"
    )
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
    node = RunningNode.somewhere(folder / "rabbitmq")
    node.start()
    node.wait_until_up()
    cluster = Cluster(postgresql_binaries()) if arguments.postgresql else None
    if cluster:
        cluster.start()
    database_url = cluster.url(cluster.migrated) if cluster else ""
    try:
        report = (_mixed if arguments.mixed else _engine)(node, folder, database_url, seed, arguments)
    finally:
        node.kill()
        node.stop()
        if cluster:
            cluster.stop()
    print(report, flush=True)
    return 1 if report.wrong else 0


def _mixed(
    node: RunningNode, folder: Path, database_url: str, seed: int, arguments: argparse.Namespace
) -> games.Report:
    """Bots trade, mail, bid, craft, travel, go on quests and fight, while processes are killed."""
    return games.Chaos(node.amqp_url(), folder / "server", database_url).report(
        profile="mixed",
        seed=seed,
        seconds=arguments.seconds,
        clients=arguments.players or MIXED_BOTS,
        rate=arguments.rate or MIXED_RATE,
        every_s=arguments.every or MIXED_EVERY_S,
        faults=MIXED_KILLS,
        inspect=places.faults,
    )


def _engine(node: RunningNode, folder: Path, database_url: str, seed: int, arguments: argparse.Namespace) -> Report:
    sabotaged = (
        {"app": "tests.chaos.sabotaged", "gateway_module": "tests.chaos.sabotaged"} if arguments.sabotage else {}
    )
    env = {
        "CHAOS_SABOTAGE": arguments.sabotage,
        **(NOT_ASKING if arguments.no_asking else {}),
        **(FULL_QUEUES if seed % FULL_QUEUES_EVERY == 0 and not arguments.long else {}),
    }
    stage = Stage(node, folder / "server", database_url, env=env, **sabotaged)
    try:
        return _played(stage, seed, arguments)
    finally:
        stage.stop()


def _played(stage: Stage, seed: int, arguments: argparse.Namespace) -> Report:
    usual = LONG_POISON if arguments.long else POISON
    play = {"poison": usual if arguments.poison is None else arguments.poison, "tips": arguments.tips}
    if arguments.long:
        size: dict[str, Any] = {
            "players": arguments.players or LONG_PLAYERS,
            "rate": arguments.rate or LONG_RATE,
            "every_s": arguments.every or LONG_EVERY_S,
        }
        return run_long(stage, seed, arguments.faults, arguments.events, **size, **play)
    return run(
        stage,
        seed,
        arguments.seconds,
        every_s=arguments.every or EVERY_S,
        rate=arguments.rate or RATE,
        faults=arguments.only or tuple(ALL),
        **play,
    )


if __name__ == "__main__":
    sys.exit(main())
