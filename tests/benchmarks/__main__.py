"""The commands of the benchmark; each of them adds to the results file."""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import machine, workloads
from tests.benchmarks.point import Point, measure
from tests.benchmarks.results import Results
from tests.benchmarks.scenes import SCENES
from tests.benchmarks.search import Search
from tests.benchmarks.servers import Wanted, running

SERVERS = ("house", "floor", "usual")
START = {"house": 1000, "floor": 1000, "usual": 140}
MOST = 6_000
RESULTS = machine.ROOT / "var" / "benchmarks" / "results.jsonl"


def main() -> int:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    walk = _add(commands, "walk", _walk, "one load of walkers, one server")
    walk.add_argument("--server", choices=SERVERS, default="house")
    walk.add_argument("--clients", type=int, default=500)
    walk.add_argument("--population", type=int, default=0, help="players in the database, beside those who play")
    walk.add_argument("--no-flower", action="store_true")
    search = _add(commands, "search", _search, "the largest load of walkers, for one server after the other")
    search.add_argument("--servers", default=",".join(SERVERS), help="with commas")
    search.add_argument("--start", default="", help="where to begin, clients with commas, one for each server")
    search.add_argument("--repeats", type=int, default=3)
    search.add_argument("--budget", type=float, default=1800.0, help="seconds for all of it")
    scene = _add(commands, "scene", _scene, "another workload, on the house alone")
    scene.add_argument("name", choices=SCENES)
    scene.add_argument("--clients", type=int, default=0, help="0: as many as the workload is made for")
    for command in (walk, search):
        command.add_argument("--rate", type=float, default=2.0, help="moves per second and client")
        command.add_argument("--seconds", type=float, default=20.0, help="the length of a window")
        command.add_argument("--gateways", type=int, default=1)
        command.add_argument("--generators", type=int, default=1, help="processes of the load generator")
        command.add_argument("--env", action="append", default=[], help="a setting of the house: GAMESERVER_NAME=value")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    arguments.command(arguments, Results(arguments.results, arguments.run))
    return 0


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: object, help_: str
) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=help_, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.set_defaults(command=command)
    made.add_argument("--results", type=Path, default=RESULTS, help="the file to add to")
    made.add_argument("--run", default=time.strftime("%Y%m%d-%H%M%S"), help="what this run is called")
    return made


def _env(arguments: argparse.Namespace) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in arguments.env)


def _walk(arguments: argparse.Namespace, results: Results) -> None:
    wanted = Wanted(
        kind=arguments.server,
        players=arguments.clients,
        population=arguments.population,
        gateways=arguments.gateways,
        flower=not arguments.no_flower,
        env=_env(arguments),
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(wanted, Path(folder)) as server:
        groups = workloads.walk(arguments.clients, arguments.rate)
        point = measure(server, groups, workload="walk", seconds=arguments.seconds, generators=arguments.generators)
    results.keep(point)


def _scene(arguments: argparse.Namespace, results: Results) -> None:
    play, clients = SCENES[arguments.name]
    results.keep(play(arguments.clients or clients))


def _search(arguments: argparse.Namespace, results: Results) -> None:
    """All servers, one after the other, again and again; each begins where it ended before."""
    servers = arguments.servers.split(",")
    starts = START | dict(zip(servers, map(int, filter(None, arguments.start.split(","))), strict=False))
    end_s = time.monotonic() + arguments.budget
    left = arguments.repeats * len(servers)
    for _ in range(arguments.repeats):
        for kind in servers:
            until_s = time.monotonic() + (end_s - time.monotonic()) / left
            best = _largest(arguments, results, kind, starts[kind], until_s)
            starts[kind] = best.clients if best else starts[kind]
            left -= 1


def _largest(arguments: argparse.Namespace, results: Results, kind: str, start: int, until_s: float) -> Point | None:
    wanted = Wanted(kind=kind, players=MOST, gateways=arguments.gateways, env=_env(arguments))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(wanted, Path(folder)) as server:

        def measured(clients: int, seconds: float) -> Point:
            groups = workloads.walk(clients, arguments.rate)
            return measure(server, groups, workload="walk", seconds=seconds, generators=arguments.generators)

        best = Search(measured, arguments.seconds, MOST, results.keep).largest(start, until_s)
    return results.keep(best, "largest") if best else None


if __name__ == "__main__":
    sys.exit(main())
