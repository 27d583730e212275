"""The commands of the benchmark; each of them adds to the results file."""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks import cores, machine, workloads
from tests.benchmarks.plots import plots
from tests.benchmarks.point import Point, measure
from tests.benchmarks.profiles import profile
from tests.benchmarks.report import report
from tests.benchmarks.results import Record, Results, read
from tests.benchmarks.scenes import SCENES
from tests.benchmarks.search import Search
from tests.benchmarks.servers import Wanted, running

SERVERS = ("gameserver", "floor", "usual")
START = {"gameserver": 4200, "floor": 2400, "usual": 400}
MOST = 12_000
SCENES_S = 480.0  # what the other workloads take
RESULTS = machine.ROOT / "var" / "benchmarks" / "results.jsonl"


def main() -> int:
    """Do what was asked for."""
    arguments = _parser().parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    arguments.command(arguments, Results(arguments.results, arguments.run))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    whole = _add(commands, "all", _all, "everything, and the report")
    walk = _add(commands, "walk", _walk, "walkers on one server: one load, or one after the other")
    walk.add_argument("--server", choices=SERVERS, default="gameserver")
    walk.add_argument("--clients", default="500", help="with commas")
    walk.add_argument("--population", type=int, default=0, help="players in the database, beside those who play")
    walk.add_argument("--no-flower", action="store_true")
    walk.add_argument("--profile", type=Path, help="write flame graphs of gateway and movement worker there (py-spy)")
    search = _add(commands, "search", _search, "the largest load of walkers, for one server after the other")
    search.add_argument("--servers", default=",".join(SERVERS), help="with commas")
    search.add_argument("--start", default="", help="where to begin, clients with commas, one for each server")
    scene = _add(commands, "scene", _scene, "another workload, on this server alone")
    scene.add_argument("name", choices=SCENES)
    scene.add_argument("--clients", type=int, default=0, help="0: as many as the workload is made for")
    for command in (whole, walk, search):
        command.add_argument("--rate", type=float, default=2.0, help="moves per second and client")
        command.add_argument("--seconds", type=float, default=20.0, help="the length of a window")
        command.add_argument("--gateways", type=int, default=1)
        command.add_argument(
            "--cores", type=int, default=cores.DEFAULT, help="for the server; with 1 the generator has another"
        )
        command.add_argument("--gateway-share", type=float, default=0.0, help="of a processor, for each; 0: no bound")
        command.add_argument("--generators", type=int, default=1, help="processes of the load generator")
        command.add_argument(
            "--env", action="append", default=[], help="a setting of the game server: GAMESERVER_NAME=value"
        )
    whole.set_defaults(postgresql=False)
    for command in (walk, search):
        command.add_argument("--postgresql", action="store_true", help="a PostgreSQL of its own instead of SQLite")
    for command in (whole, search):
        command.add_argument("--repeats", type=int, default=3)
        command.add_argument("--budget", type=float, default=1800.0, help="seconds for all of it")
    said = _add(commands, "report", _report, "the tables of a run")
    said.set_defaults(run="")
    drawn = _add(commands, "plots", _plots, "the plots of docs/performance.md, of a run")
    drawn.set_defaults(run="")
    drawn.add_argument("--folder", type=Path, default=machine.ROOT / "docs")
    return parser


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


def _all(arguments: argparse.Namespace, results: Results) -> None:
    """Searches first, in what time the other workloads leave them."""
    end_s = time.monotonic() + arguments.budget
    arguments.servers, arguments.start = ",".join(SERVERS), ""
    arguments.budget -= SCENES_S
    _search(arguments, results)
    for play, clients in SCENES.values():
        if time.monotonic() < end_s:
            results.keep(play(clients))
    _report(arguments, results)


def _walk(arguments: argparse.Namespace, results: Results) -> None:
    loads = [int(clients) for clients in arguments.clients.split(",")]
    wanted = Wanted(
        kind=arguments.server,
        players=max(loads),
        population=arguments.population,
        gateways=arguments.gateways,
        gateway_share=arguments.gateway_share,
        postgresql=arguments.postgresql,
        cores=arguments.cores,
        flower=not arguments.no_flower,
        env=_env(arguments),
    )
    with _walking(arguments, wanted, arguments.profile) as measured:
        for clients in loads:
            results.keep(measured(clients, arguments.seconds))


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
    wanted = Wanted(
        kind=kind,
        players=MOST,
        gateways=arguments.gateways,
        gateway_share=arguments.gateway_share,
        postgresql=arguments.postgresql,
        cores=arguments.cores,
        env=_env(arguments),
    )
    with _walking(arguments, wanted) as measured:
        best = Search(measured, arguments.seconds, MOST, results.keep).largest(start, until_s)
        if best is not None:
            results.keep(best, "largest")
            results.keep(measured(best.clients * 3 // 4, arguments.seconds), "three quarters")
    return best


@contextmanager
def _walking(
    arguments: argparse.Namespace, wanted: Wanted, profiles: Path | None = None
) -> Iterator[Callable[[int, float], Point]]:
    """A server, and how to measure so many walkers on it for so many seconds."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(wanted, Path(folder)) as server:
        yield lambda clients, seconds: measure(
            server,
            workloads.walk(clients, arguments.rate),
            workload="walk",
            seconds=seconds,
            generators=arguments.generators,
            meanwhile=partial(profile, server, profiles, seconds) if profiles else None,
        )


def _report(arguments: argparse.Namespace, results: Results) -> None:
    print(report(_records(arguments)))


def _plots(arguments: argparse.Namespace, results: Results) -> None:
    print(*plots(_records(arguments), arguments.folder), sep="\n")


def _records(arguments: argparse.Namespace) -> list[Record]:
    """Those of the run that was named, or of all."""
    return [record for record in read([arguments.results]) if arguments.run in ("", record.run)]


if __name__ == "__main__":
    sys.exit(main())
