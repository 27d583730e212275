"""The commands of the benchmark."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from tests.benchmarks import machine, workloads
from tests.benchmarks.point import Point, measure
from tests.benchmarks.servers import Wanted, running

SERVERS = ("house", "floor", "usual")
START = {"house": 1000, "floor": 1000, "usual": 140}
MOST = 6_000
RESULTS = machine.ROOT / "var" / "benchmarks" / "results.jsonl"


class Record(msgspec.Struct, kw_only=True):
    """A line of the results file. ``kind``: "point", "search" (a step of it) or "largest" (its result)."""

    run: str
    kind: str
    at: str
    machine: dict[str, object]
    point: Point


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    walk = commands.add_parser("walk", help="one load of walkers, one server")
    walk.set_defaults(command=_walk)
    walk.add_argument("--server", choices=SERVERS, default="house")
    walk.add_argument("--clients", type=int, default=500)
    walk.add_argument("--rate", type=float, default=2.0, help="moves per second and client")
    walk.add_argument("--seconds", type=float, default=20.0)
    walk.add_argument("--gateways", type=int, default=1)
    walk.add_argument("--generators", type=int, default=1, help="processes of the load generator")
    walk.add_argument("--population", type=int, default=0, help="players in the database, beside those who play")
    walk.add_argument("--no-flower", action="store_true")
    walk.add_argument("--env", action="append", default=[], help="a setting of the house: GAMESERVER_NAME=value")
    search = commands.add_parser("search", help="the largest load of walkers, for one server after the other")
    search.set_defaults(command=_search)
    search.add_argument("--servers", default=",".join(SERVERS), help="with commas")
    search.add_argument("--repeats", type=int, default=3)
    search.add_argument("--rate", type=float, default=2.0, help="moves per second and client")
    search.add_argument("--seconds", type=float, default=20.0, help="the length of a window")
    search.add_argument("--start", default="", help="where to begin, clients with commas, a number for each server")
    search.add_argument("--budget", type=float, default=1800.0, help="seconds for all of it")
    search.add_argument("--generators", type=int, default=1)
    search.add_argument("--gateways", type=int, default=1)
    search.add_argument("--env", action="append", default=[])
    for command in (walk, search):
        command.add_argument("--results", type=Path, default=RESULTS)
        command.add_argument("--run", default=time.strftime("%Y%m%d-%H%M%S"), help="what this run is called")
    arguments = parser.parse_args()
    return int(arguments.command(arguments) or 0)


def _walk(arguments: argparse.Namespace) -> None:
    wanted = Wanted(
        kind=arguments.server,
        population=max(arguments.clients, arguments.population),
        gateways=arguments.gateways,
        flower=not arguments.no_flower,
        env=dict(pair.split("=", 1) for pair in arguments.env),
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(wanted, Path(folder)) as server:
        point = measure(
            server,
            workloads.walk(arguments.clients, arguments.rate),
            workload="walk",
            seconds=arguments.seconds,
            generators=arguments.generators,
        )
    print(msgspec.json.format(msgspec.json.encode(point), indent=2).decode())
    _keep(arguments, point, "point")


def _keep(arguments: argparse.Namespace, point: Point) -> None:
    print(msgspec.json.format(msgspec.json.encode(point), indent=2).decode())
    record = Record(
        run=arguments.run,
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        machine=machine.described(),
        point=point,
    )
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    with arguments.results.open("ab") as results:
        results.write(msgspec.json.encode(record) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
