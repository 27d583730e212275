"""The commands of the benchmark; each of them adds to the results file."""

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import Any

from gameserver.testing.run_guard import guarded
from tests.benchmarks import cores, everything, machine
from tests.benchmarks.lab import Lab, play
from tests.benchmarks.plots import plots
from tests.benchmarks.report import put, report
from tests.benchmarks.results import Record, Results, read, transfers
from tests.benchmarks.scenes import SCENES

SERVERS = ("gameserver", "floor", "usual")
BUDGET_S = 2700.0
RESULTS = machine.ROOT / "var" / "benchmarks" / "results.jsonl"


@guarded()
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
    walk.add_argument("--history", type=int, default=0, help="rows of what was said once")
    walk.add_argument("--no-flower", action="store_true")
    walk.add_argument("--profile", type=Path, help="write flame graphs of gateway and movement worker there (py-spy)")
    search = _add(commands, "search", _search, "the largest load of walkers, for one server after the other")
    search.add_argument("--servers", default=",".join(SERVERS), help="with commas")
    search.add_argument("--start", default="", help="where to begin, clients with commas, one for each server")
    scene = _add(commands, "scene", _scene, "another workload, on this server alone")
    scene.add_argument("name", choices=SCENES)
    scene.add_argument("--clients", type=int, default=0, help="0: as many as the workload is made for")
    scene.set_defaults(rate=0.0, seconds=0.0, generators=1)  # which are the workload's own
    for command in (whole, walk, search):
        command.add_argument("--rate", type=float, default=2.0, help="moves per second and client")
        command.add_argument("--seconds", type=float, default=20.0, help="the length of a window")
        command.add_argument("--generators", type=int, default=1, help="processes of the load generator")
    for command in (walk, search, scene):
        command.add_argument(
            "--cores", type=int, default=cores.DEFAULT, help="for the server; of 1 the generator has none"
        )
        command.add_argument("--postgresql", action="store_true", help="a PostgreSQL of its own instead of SQLite")
        command.add_argument("--gateways", type=int, default=1)
        command.add_argument("--led", action="store_true", help="all players of a zone on one of the gateways")
        command.add_argument("--gateway-share", type=float, default=0.0, help="of a processor, for each; 0: no bound")
    for command in (whole, walk, search, scene):
        command.add_argument(
            "--env", action="append", default=[], help="a setting of the server: GAMESERVER_NAME=value"
        )
    search.add_argument("--own", action="store_true", help="whatever others see, as was the definition before")
    search.add_argument("--repeats", type=int, default=3)
    search.add_argument("--budget", type=float, default=1800.0, help="seconds for all of it")
    whole.add_argument("--budget", type=float, default=BUDGET_S, help="seconds for all of it")
    said = _add(commands, "report", _report, "the tables of a run")
    said.set_defaults(run="")
    said.add_argument("--write", type=Path, default=None, help="put the tables into this page, between their markers")
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


def _lab(arguments: argparse.Namespace, results: Results) -> Lab:
    env = dict(pair.split("=", 1) for pair in arguments.env)
    return Lab(results, rate=arguments.rate, seconds=arguments.seconds, generators=arguments.generators, env=env)


def _all(arguments: argparse.Namespace, results: Results) -> None:
    parts = everything.parts(arguments.results, arguments.run)
    left_out = play(_lab(arguments, results), parts, arguments.budget)
    print(f"There was no time for: {'; '.join(left_out) or 'nothing'}.")
    _report(arguments, results)


def _walk(arguments: argparse.Namespace, results: Results) -> None:
    loads = [int(clients) for clients in arguments.clients.split(",")]
    _lab(arguments, results).walk(
        loads,
        kind=arguments.server,
        population=arguments.population,
        history=arguments.history,
        flower=not arguments.no_flower,
        profiles=arguments.profile,
        **_wanted(arguments),
    )


def _scene(arguments: argparse.Namespace, results: Results) -> None:
    _lab(arguments, results).scene(arguments.name, arguments.clients, **_wanted(arguments))


def _search(arguments: argparse.Namespace, results: Results) -> None:
    """All servers, one after the other, again and again; each begins where it ended before."""
    servers = arguments.servers.split(",")
    starts = dict(zip(servers, map(int, filter(None, arguments.start.split(","))), strict=False))
    end_s = time.monotonic() + arguments.budget
    lab, left = _lab(arguments, results), arguments.repeats * len(servers)
    for turn in range(arguments.repeats):
        for kind in servers:
            until_s = time.monotonic() + (end_s - time.monotonic()) / left
            start = 0 if turn else starts.get(kind, 0)
            lab.search(until_s, own=arguments.own, start=start, kind=kind, **_wanted(arguments))
            left -= 1


def _wanted(arguments: argparse.Namespace) -> dict[str, Any]:
    """What a server is to be, of what was asked for."""
    return {
        "gateways": arguments.gateways,
        "gateway_share": arguments.gateway_share,
        "led": arguments.led,
        "postgresql": arguments.postgresql,
        "cores": arguments.cores,
    }


def _report(arguments: argparse.Namespace, results: Results) -> None:
    tables = report(_records(arguments), transfers(arguments.results, arguments.run))
    print("\n\n".join(f"{name}:\n\n{table}" for name, table in tables.items()))
    if getattr(arguments, "write", None):
        arguments.write.write_text(put(arguments.write.read_text(), tables))


def _plots(arguments: argparse.Namespace, results: Results) -> None:
    print(*plots(_records(arguments), arguments.folder), sep="\n")


def _records(arguments: argparse.Namespace) -> list[Record]:
    """Those of the run that was named, or of all."""
    return [record for record in read([arguments.results]) if arguments.run in ("", record.run)]


if __name__ == "__main__":
    sys.exit(main())
