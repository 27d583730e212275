"""``python -m tests.machines``: all scenes on ten machines, and a table of what players saw. Needs root."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gameserver.testing.rabbitmq_node import RunningNode
from gameserver.testing.run_guard import guarded
from tests.chaos.__main__ import postgresql_binaries
from tests.databases import Cluster
from tests.machines.network import network, possible
from tests.machines.scenes import DISK, MACHINES, SCENES, Farm, Seen, format_table


@guarded()
def main() -> int:
    """Play the scenes. Returns 1 when anybody was not answered."""
    parser = argparse.ArgumentParser(prog="python -m tests.machines")
    parser.add_argument("--only", action="append", choices=list(SCENES), help="only this scene; repeatable")
    parser.add_argument("--keep", type=Path, help="keep the logs in this folder")
    arguments = parser.parse_args()
    if not possible():
        raise SystemExit("Network namespaces can't be made here: it takes root, and `ip`.")
    with tempfile.TemporaryDirectory() as scratch:
        found = played(arguments.keep or Path(scratch), arguments.only or list(SCENES))
    print(format_table(found))
    return 1 if any(each.unanswered for each in found.values()) else 0


def played(folder: Path, names: list[str]) -> dict[str, Seen]:
    """Play these scenes, one after the other."""
    node, cluster = RunningNode.somewhere(folder / "rabbitmq"), Cluster(postgresql_binaries(), DISK)
    node.start()
    node.wait_until_up()
    cluster.start()
    try:
        with network(*MACHINES) as net:
            farm = Farm(net, node, cluster, folder / "server")
            try:
                farm.start()
                return dict(_each(farm, names))
            finally:
                farm.stop()
    finally:
        node.kill()
        node.stop()
        cluster.stop()


def _each(farm: Farm, names: list[str]) -> Iterator[tuple[str, Seen]]:
    for n, name in enumerate(names):
        seen = farm.play(SCENES[name](farm), f"s{n}b")
        print(f"{name}: {seen}", flush=True)
        yield name, seen


if __name__ == "__main__":
    sys.exit(main())
