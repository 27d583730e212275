"""Transfers: one coin from one of many accounts to another, the workload that databases for games are compared by.

The game server is loaded through its sockets, with everything it promises (durable, in order, once, receivers are told
until they acknowledge), and beside it a plain HTTP server (``plain/server.js``) in front of the same tables of the same
database, with a transaction for each request and no promise but that. Afterwards each account's coins in the database
are compared with what was answered, and what those who are connected were told with what they were given.

    python -m tests.benchmarks.transfers --postgresql --seconds 15
"""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Table, create_engine, select, update
from sqlalchemy.engine import make_url

from gameserver.store.tables import metadata
from tests.benchmarks import machine, transfer_load, zones
from tests.benchmarks.point import Latency, latency
from tests.benchmarks.servers import Wanted, running

COINS = 10_000_000  # of each account, so that none runs out of them
ACCOUNTS = 20_000  # of those who are not connected
PACED = 0.75  # of the largest rate
WAIT_S = 60.0
PLAIN = Path(__file__).parent / "plain"
MODULES = machine.ROOT / "var" / "benchmarks" / "plain"
RESULTS = machine.ROOT / "var" / "benchmarks" / "transfers.jsonl"
# A player may send 50 packets a second; these send as fast as they are answered.
LIMITS = {"GAMESERVER_PACKETS_PER_S": "100000", "GAMESERVER_PACKETS_BURST": "100000"}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Who gives to whom. ``absent``: to accounts that are not connected, otherwise to those who are."""

    name: str
    connections: int = 500
    in_flight: int = 5
    absent: bool = False
    zipf: float = 0.0


CASES = (
    Case(name="connected"),
    Case(name="connected, Zipf 1.5", zipf=1.5),
    Case(name="not connected", absent=True),
    Case(name="not connected, Zipf 1.5", absent=True, zipf=1.5),
    Case(name="64 x 20, connected", connections=64, in_flight=20),
    Case(name="64 x 20, connected, Zipf 1.5", connections=64, in_flight=20, zipf=1.5),
)
CONNECTIONS_MAX = max(case.connections for case in CASES)


class Transfers(msgspec.Struct, kw_only=True):
    """What was seen. ``cpu_s_per_1000``: processor time by tier for 1,000 transfers that were done.

    ``wrong``: accounts whose coins are not what was answered, or that were told of other coins than they were given.
    ``paced``: the rate that was asked for, 0 where each answer is followed by the next transfer at once.
    """

    server: str
    case: str
    database: str
    paced: float
    per_s: float
    latency: Latency
    refused: dict[str, int]
    cores: dict[str, float]
    cpu_s_per_1000: dict[str, float]
    load_cores: float
    notices: int
    unanswered: int
    lost: int
    wrong: list[str]
    limits: dict[str, str] = {}


class Target(msgspec.Struct):
    """What is loaded: its address, its tiers, and where the coins are."""

    server: str
    address: tuple[str, int]
    tiers: dict[str, list[int]]
    database_url: str


def measure(target: Target, case: Case, seconds: float, rate: float = 0.0) -> Transfers:
    """Load it with a case and compare what came of it with the database."""
    givers = zones.names(0, case.connections)
    receivers = zones.names(CONNECTIONS_MAX, ACCOUNTS) if case.absent else givers
    plan = transfer_load.Plan(
        speaks="game" if target.server == "game server" else "http",
        address=target.address,
        givers=givers,
        secrets=[zones.token(name) for name in givers],
        receivers=receivers,
        zipf=case.zipf,
        in_flight=case.in_flight,
        rate=rate,
        seconds=seconds,
    )
    before = balances(target.database_url)
    report, used = _load(plan, target.tiers)
    wrong = contradictions(report, before, balances(target.database_url), told=target.server == "game server")
    return Transfers(
        server=target.server,
        case=case.name,
        database=make_url(target.database_url).get_backend_name(),
        paced=rate,
        per_s=round(report.done / report.seconds, 1),
        latency=latency(report.took_us),
        refused=report.refused,
        cores={tier: round(s / report.seconds, 3) for tier, s in used.items()},
        cpu_s_per_1000={tier: round(1000 * s / max(1, report.done), 4) for tier, s in used.items()},
        load_cores=round(report.cpu_s / report.seconds, 3),
        notices=report.notices,
        unanswered=report.unanswered,
        lost=report.lost,
        wrong=wrong,
        limits=LIMITS if target.server == "game server" else {},
    )


def _load(plan: transfer_load.Plan, tiers: dict[str, list[int]]) -> tuple[transfer_load.Report, dict[str, float]]:
    """Run the load generator. Returns its report, and the seconds of processor time that each tier used meanwhile."""
    command = (sys.executable, "-m", "tests.benchmarks.transfer_load")
    with subprocess.Popen(command, cwd=machine.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as generator:
        assert generator.stdin is not None
        assert generator.stdout is not None
        generator.stdin.write(msgspec.json.encode(plan))
        generator.stdin.close()
        _says(generator.stdout, "ready")
        _says(generator.stdout, "begin")
        before = machine.cpu_s(tiers)
        _says(generator.stdout, "end")
        after = machine.cpu_s(tiers)
        report = msgspec.json.decode(generator.stdout.read(), type=transfer_load.Report)
    return report, {tier: after[tier] - before[tier] for tier in after}


def _says(stdout: Any, word: str) -> None:
    line = stdout.readline().strip().decode()
    if line != word:
        raise RuntimeError(f"the load generator said {line!r} instead of {word!r}")


# The coins.


def coins_table() -> Table:
    """The table that holds the coins, in whichever entity the game keeps them."""
    return next(table for table in metadata().tables.values() if "coins" in table.columns and "id" in table.columns)


def balances(database_url: str) -> dict[str, int]:
    """Read each account's coins."""
    table = coins_table()
    with _connected(database_url) as connection:
        return {row[0]: row[1] for row in connection.execute(select(table.c.id, table.c.coins))}


def _fill(database_url: str) -> None:
    with _connected(database_url) as connection:
        connection.execute(update(coins_table()).values(coins=COINS))
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")  # as a server that has run for a while has been by itself


@contextlib.contextmanager
def _connected(database_url: str) -> Iterator[Any]:
    engine = create_engine(make_url(database_url).set(drivername=_driver(database_url)))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _driver(database_url: str) -> str:
    return "postgresql+psycopg" if database_url.startswith("postgresql") else "sqlite"


def contradictions(
    report: transfer_load.Report, before: dict[str, int], after: dict[str, int], *, told: bool
) -> list[str]:
    """Say what contradicts what was answered. What was not answered may have been done: then nothing is said."""
    if report.unanswered:
        return [f"{report.unanswered} were not answered"]
    due = {name: coins - report.given.get(name, 0) + report.taken.get(name, 0) for name, coins in before.items()}
    wrong = [f"{name} has {after.get(name)} instead of {coins}" for name, coins in due.items() if after[name] != coins]
    heard = report.told.items() if told else ()
    wrong += [
        f"{name} was told of {coins} instead of {report.taken.get(name, 0)}"
        for name, coins in heard
        if coins != report.taken.get(name, 0)
    ]
    return wrong


# What is loaded.


@contextlib.contextmanager
def game_server(folder: Path, *, postgresql: bool, env: dict[str, str]) -> Iterator[Target]:
    """The game server as shipped, but that clients may send as much as they like."""
    wanted = Wanted(players=CONNECTIONS_MAX, population=ACCOUNTS, postgresql=postgresql, env={**LIMITS, **env})
    with running(wanted, folder) as server:
        assert server.deployment is not None
        _fill(server.deployment.database_url)
        yield Target("game server", server.addresses[0], server.tiers, server.deployment.database_url)


@contextlib.contextmanager
def plain_server(folder: Path, target: Target) -> Iterator[Target]:
    """The plain one, in front of the same database."""
    url = make_url(target.database_url)
    database = target.database_url if url.get_backend_name() == "postgresql" else str(url.database)
    log = (folder / "plain.log").open("wb")
    command = ("node", str(_installed() / "server.js"), database, coins_table().name)
    with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True) as node:
        try:
            assert node.stdout is not None
            port = int(node.stdout.readline().split()[-1])
            tiers = {
                "plain": [node.pid],
                **{tier: target.tiers[tier] for tier in ("database",) if tier in target.tiers},
            }
            yield Target("plain", ("127.0.0.1", port), tiers, target.database_url)
        finally:
            node.kill()


def _installed() -> Path:
    """The plain server with the packages it needs, which npm brings once. Raises where there is no Node."""
    if shutil.which("npm") is None:
        raise SystemExit("The plain server needs node and npm; leave it out with --servers game.")
    MODULES.mkdir(parents=True, exist_ok=True)
    for file in PLAIN.iterdir():
        shutil.copy(file, MODULES)
    if not (MODULES / "node_modules").exists():
        subprocess.run(("npm", "install", "--no-audit", "--no-fund"), cwd=MODULES, check=True, stdout=sys.stderr)
    return MODULES


# The command.


def _cases(only: str) -> Sequence[Case]:
    return [case for case in CASES if not only or case.name in only.split("; ")]


def _measure_all(target: Target, arguments: argparse.Namespace) -> Iterator[Transfers]:
    """Each case as fast as it goes, and at three quarters of that."""
    for case in _cases(arguments.only):
        largest = measure(target, case, arguments.seconds, arguments.rate)
        yield largest
        if arguments.paced and not arguments.rate:
            yield measure(target, case, arguments.seconds, rate=PACED * largest.per_s)


def line(seen: Transfers) -> str:
    """A measurement in a line."""
    how = f"{seen.paced:.0f}/s asked for" if seen.paced else "as fast as answered"
    parts = [
        f"{seen.server} on {seen.database}, {seen.case}, {how}: {seen.per_s:.0f}/s,",
        f"p50 {seen.latency.p50} p99 {seen.latency.p99} ms,",
        f"refused {seen.refused}," if seen.refused else "",
        "cores: "
        + " ".join(f"{tier} {used:.2f}" for tier, used in seen.cores.items())
        + f" load {seen.load_cores:.2f},",
        f"{seen.notices} notices," if seen.notices else "",
        f"LOST {seen.lost}" if seen.lost else "",
        f"WRONG {seen.wrong[:3]}" if seen.wrong else "conserved",
    ]
    return " ".join(filter(None, parts))


def main() -> int:
    """Measure both servers and print what was seen; each measurement is added to the results file."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.transfers", description=__doc__)
    parser.add_argument("--postgresql", action="store_true", help="a PostgreSQL of its own instead of SQLite")
    parser.add_argument("--seconds", type=float, default=15.0, help="the length of a window")
    parser.add_argument("--servers", default="game,plain")
    parser.add_argument("--only", default="", help=f"some of: {'; '.join(case.name for case in CASES)}")
    parser.add_argument("--rate", type=float, default=0.0, help="ask for so many a second, whatever is answered")
    parser.add_argument("--no-paced", dest="paced", action="store_false", help="leave out three quarters of the rate")
    parser.add_argument(
        "--env", action="append", default=[], help="a setting of the game server: GAMESERVER_NAME=value"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--run", default=time.strftime("%Y%m%d-%H%M%S"), help="what this run is called")
    arguments = parser.parse_args()
    env = dict(pair.split("=", 1) for pair in arguments.env)
    wrong = False
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with game_server(folder, postgresql=arguments.postgresql, env=env) as target:
            servers = arguments.servers.split(",")
            if "game" in servers:
                for seen in _measure_all(target, arguments):
                    wrong |= _keep(seen, arguments)
            if "plain" in servers:
                with plain_server(folder, target) as plain:
                    for seen in _measure_all(plain, arguments):
                        wrong |= _keep(seen, arguments)
    return int(wrong)


def _keep(seen: Transfers, arguments: argparse.Namespace) -> bool:
    print(line(seen), flush=True)
    kept = {"run": arguments.run, "at": time.time(), "machine": machine.described(), **msgspec.to_builtins(seen)}
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    with arguments.results.open("ab") as file:
        file.write(msgspec.json.encode(kept) + b"\n")
    return bool(seen.wrong)


if __name__ == "__main__":
    sys.exit(main())
