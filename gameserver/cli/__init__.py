"""The command line: ``gameserver up``, ``status``, ``advise``, ``tail``, ``trace``, ``bots``, ``events``, ``dead``, ...

The composition root of everything that is not a gateway or a Celery worker. Each command is a function of its
arguments that returns an exit status; errors of the project end it with a sentence.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from gameserver import config
from gameserver.broker.declare import stand
from gameserver.broker.permissions import users
from gameserver.broker.topology import possible_queues, topology
from gameserver.client.bots import command as bots
from gameserver.config import Settings
from gameserver.declare import catalogue
from gameserver.errors import GameError, Rejected, Retryable
from gameserver.local.run import up
from gameserver.operations import catalogue_diff, catalogue_export, drain_queues, event_tables, status, tail, trace
from gameserver.operations.advise import advise
from gameserver.operations.inspector import House
from gameserver.operations.look import look
from gameserver.operations.snapshot import Snapshot
from gameserver.processing import dead_letters, reconciling
from gameserver.rules.book import rules
from gameserver.security import provisioning
from gameserver.security.sealing import write_key
from gameserver.store import Store
from gameserver.store.backup import backup
from gameserver.store.copy_database import Copied, copy
from gameserver.wire import states
from gameserver.world.maps import load_world

JOIN = (
    '{"type":"hello","protocol":1}',
    '{"type":"register","name":"Ada","password":"a long secret"}',
    '{"type":"say","text":"hello"}',
    '{"type":"move","dir":"n"}',
)

CLEAR = "\x1b[H\x1b[2J"

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Command = Callable[[argparse.Namespace], int]


def main(argv: list[str] | None = None) -> int:
    """Run a command. Returns the exit status: 0, or 1 when it could not be done."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return command(arguments)
    except GameError as error:
        print(f"gameserver: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gameserver", description=__doc__.split("\n", 1)[0])
    commands = parser.add_subparsers(required=True, metavar="command")
    whole = _add(commands, "up", _up, "run the whole house on this machine until Ctrl-C")
    whole.add_argument("--bots", type=int, default=20, help="how many bots play along (default 20)")
    status = _add(commands, "status", _status, "one screen: gateways, families, workers, rates, dead letters")
    status.add_argument("--watch", action="store_true", help="live, until Ctrl-C")
    _add(commands, "advise", _advise, "print the commands that would help now, with their reasons")
    tail = _add(commands, "tail", _tail, "show events as they go by, and their replies")
    tail.add_argument("--family", default="", help="of this family")
    tail.add_argument("--player", default="", help="of this player")
    tail.add_argument("--count", type=int, default=0, help="end after so many lines")
    _add(commands, "trace", _trace, "one event's way and times").add_argument("id", help="an event's or a task's id")
    bots.add_arguments(_add(commands, "bots", bots.main, "connect a crowd of bots and measure"))
    events = _add(commands, "events", _events, "print the catalogue of events")
    events.add_argument("--markdown", action="store_true", help="the tables of docs/protocol.md")
    events.add_argument("--states", action="store_true", help="the session states as a Mermaid diagram")
    _add_catalogue(commands)
    _add_dead(commands)
    _add(commands, "migrate", _migrate, "bring the database to today's shape, and in line with the maps")
    _add_world(commands)
    copying = _add(commands, "copy", _copy, "copy the database into an empty one, and check that nothing is missing")
    copying.add_argument("--to", required=True, metavar="URL", help="postgresql://user@host/name, or sqlite:///path")
    saving = _add(commands, "backup", _backup, "copy a SQLite world to a file, while players play")
    saving.add_argument("file", type=Path)
    queues = _add(commands, "queues", _queues, "what waits, and which queues no setting names any more")
    queues.add_argument(
        "--drain", action="store_true", help="move what waits in those to where it belongs, remove them"
    )
    _add(commands, "key", _key, "make the secret key that gateways and workers share")
    _add(commands, "declare", _declare, "make exchanges and queues on the broker, for users who may not")
    secret = _add(commands, "secrets", _secrets, "make a house's secrets, as far as they are missing")
    secret.add_argument("folder", type=Path)
    _add_gateways(secret)
    _add_gateways(_add(commands, "broker-users", _broker_users, "print who may do what on the broker"))
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: Command, what: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=what, description=what)
    parser.set_defaults(command=command)
    return parser


def _add_gateways(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gateways", default="gateway1,gateway2", help="their GAMESERVER_GATEWAY_ID, with commas")


def _add_catalogue(commands: Subparsers) -> None:
    catalogue = commands.add_parser("catalogue", help="the catalogue as a document, and what a change of it breaks")
    what = catalogue.add_subparsers(required=True, metavar="what")
    export = _add(what, "export", _catalogue_export, "write JSON Schema of all packets, and AsyncAPI 3.0 around it")
    export.add_argument("file", type=Path, nargs="?", help="where to (default: print it)")
    diff = _add(
        what,
        "diff",
        _catalogue_diff,
        "compare with an earlier catalogue: status 1 if clients or events under way break",
    )
    earlier = diff.add_mutually_exclusive_group(required=True)
    earlier.add_argument("old", type=Path, nargs="?", help="a file that `catalogue export` wrote")
    earlier.add_argument("--running", action="store_true", help="the catalogues of the workers that run now")


def _add_dead(commands: Subparsers) -> None:
    dead = commands.add_parser("dead", help="events that were given up").add_subparsers(required=True, metavar="what")
    listing = _add(dead, "list", _dead_list, "list dead letters, newest first")
    listing.add_argument("--family", default="", help="of this family")
    listing.add_argument("--player", default="", help="of this player")
    listing.add_argument("--hours", type=float, default=0.0, help="given up within so many hours")
    for name, command, what in (
        ("show", _dead_show, "show one with its cause, traceback and envelope"),
        ("replay", _dead_replay, "give one back to the queue: it is applied once"),
        ("drop", _dead_drop, "forget one"),
    ):
        _add(dead, name, command, what).add_argument("id")


def _add_world(commands: Subparsers) -> None:
    world = commands.add_parser("world", help="maps, and who stands in them").add_subparsers(
        required=True, metavar="what"
    )
    checking = _add(
        world, "check", _world_check, "check maps, and say what they would do to the database; changes nothing"
    )
    checking.add_argument("file", type=Path, nargs="?", help="a .world file (default: GAMESERVER_WORLD)")
    _add(world, "apply", _world_apply, "bring the database in line with the maps")


@contextmanager
def _open_store() -> Iterator[Store]:
    settings = config.load()
    store = Store(settings.database_url, load_world(settings.world_file))
    try:
        yield store
    finally:
        store.close()


def _now_ms() -> int:
    return int(time.time() * 1000)


def _server_ms(store: Store) -> int:
    """The time by which the data tier's rows are dated, which need not be this machine's."""
    store.learn_time()
    return store.now_ms()


def _dead_list(arguments: argparse.Namespace) -> int:
    with _open_store() as store:
        since_ms = _server_ms(store) - int(arguments.hours * 3_600_000) if arguments.hours else 0
        letters = store.dead_letters(family=arguments.family, player=arguments.player, since_ms=since_ms)
    for letter in letters:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(letter.dead_ms / 1000))
        who = letter.player or "-"
        print(f"{letter.id}  {when}  {letter.family}.{letter.event}  {who}  {letter.attempts} trials  {letter.cause}")
    print(f"{len(letters)} dead letters.")
    return 0


def _dead_show(arguments: argparse.Namespace) -> int:
    with _open_store() as store:
        found = store.dead_letters(id_=arguments.id)
    if not found:
        raise Rejected("no_such_letter", f"There is no dead letter {arguments.id}.")
    (letter,) = found
    print(f"{letter.family}.{letter.event} of {letter.player or 'nobody'}, {letter.attempts} trials")
    print(f"cause: {letter.cause}\nenvelope: {letter.envelope.decode(errors='replace')}\n{letter.traceback}")
    return 0


def _dead_replay(arguments: argparse.Namespace) -> int:
    with _open_store() as store:
        print(f"It will be applied as {dead_letters.replay(store, arguments.id, _server_ms(store))}.")
    return 0


def _dead_drop(arguments: argparse.Namespace) -> int:
    with _open_store() as store:
        dead_letters.drop(store, arguments.id)
    print("Forgotten.")
    return 0


@contextmanager
def _looking() -> Iterator[Callable[[], Snapshot]]:
    """A function that takes snapshots. Without a database only the dead letters are missing."""
    settings = config.load()
    families = _families(settings)
    house = House(settings.amqp_url)
    with _open_store() as store:

        def dead() -> int | None:
            try:
                return len(store.dead_letters(since_ms=_server_ms(store) - 3_600_000))
            except Retryable:
                return None

        def unread() -> int:
            try:
                return store.unread(_now_ms() - 60_000)
            except Retryable:
                return 0

        yield lambda: look(house, families, dead=dead, unread=unread, clock_s=time.time)


def _families(settings: Settings) -> dict[str, list[str]]:
    plan = topology(settings.limits, settings.queues)
    return {family: plan.queues_of(family) for family in catalogue.families()}


def _status(arguments: argparse.Namespace) -> int:
    with _looking() as take:
        before, now = take(), take()
        while arguments.watch:
            print(f"{CLEAR}{status.screen(before, now)}", end="", flush=True)
            before, now = now, take()
        print(status.screen(before, now), end="")
    return 0


def _advise(arguments: argparse.Namespace) -> int:
    with _looking() as take:
        before, now = take(), take()
    found = advise(before, now, one_writer=config.load().database_url.startswith("sqlite"))
    for advice in found:
        print(f"# {advice.why}" + (f"\n{advice.command}" if advice.command else ""))
    if not found:
        print("# nothing to do")
    return 0


def _tail(arguments: argparse.Namespace) -> int:
    settings = config.load()
    families = _families(settings)
    if arguments.family and arguments.family not in families:
        raise Rejected("no_such_family", f"There is no family {arguments.family}: {', '.join(families)}.")
    queues = [queue for family in families if arguments.family in ("", family) for queue in families[family]]
    lines = tail.lines(House(settings.amqp_url), queues, player=arguments.player.lower(), clock_ms=_now_ms)
    for line in islice(lines, arguments.count or None):
        print(line, flush=True)
    return 0


def _trace(arguments: argparse.Namespace) -> int:
    settings, id_ = config.load(), trace.event_id(arguments.id)
    times = [times for report in House(settings.amqp_url).about(id_) for times in report.times]
    with _open_store() as store:
        trials, dead = store.trials([id_]), store.dead_letters(id_=id_)
    found = [
        *trace.ways(times),
        *trace.troubles(trials.get(id_, 0), [letter.cause for letter in dead]),
        *trace.logged(settings.var / "log", id_),
    ]
    if not found:
        raise Rejected("not_known", f"Nothing is known of {id_}: gateways remember their last 20,000 events.")
    print("\n".join(found))
    return 0


def _up(arguments: argparse.Namespace) -> int:
    rules()  # what a worker would find missing at its start
    settings = config.load()
    write_key(settings.secret_key_file)
    return up(
        settings,
        _families(settings),
        environ=config.environment(),
        migrate=lambda s: _tell(migrate(s)),
        bots=arguments.bots,
        join=JOIN,
    )


def migrate(settings: Settings) -> Mapping[str, int]:
    """Bring the database to today's shape, and in line with the maps if they are others. Returns what that did."""
    world = load_world(settings.world_file)
    store = Store(settings.database_url, world)
    try:
        store.migrate()
        return {} if reconciling.is_applied(store, world) else reconciling.apply(store, world, _now_ms())
    finally:
        store.close()


def _migrate(arguments: argparse.Namespace) -> int:
    settings = config.load()
    done = migrate(settings)
    print("The database has today's shape.")
    _tell(done)
    return 0


def _tell(done: Mapping[str, int]) -> None:
    for what, count in sorted(done.items()):
        print(f"{count:>9} {what}")


def _world_check(arguments: argparse.Namespace) -> int:
    settings = config.load()
    world = load_world(arguments.file or settings.world_file)
    with closing(Store(settings.database_url, world)) as store:
        found = reconciling.check(store, world)
    print(f"The maps are sound: {len(world.zones)} zones.")
    _tell(found)
    print("gameserver world apply would do that." if found else "Everyone in the database fits into it.")
    return 1 if found else 0


def _world_apply(arguments: argparse.Namespace) -> int:
    settings = config.load()
    world = load_world(settings.world_file)
    with closing(Store(settings.database_url, world)) as store:
        done = reconciling.apply(store, world, _now_ms())
    _tell(done)
    print("The database fits the maps.")
    return 0


def _copy(arguments: argparse.Namespace) -> int:
    settings = config.load()
    copied: list[Copied] = []
    with _open_store() as store:
        now_ms = _server_ms(store)
    copy(settings.database_url, arguments.to, now_ms, copied.append)
    for table in copied:
        print(f"{table.table:<14} {table.rows:>9} rows  {table.digest[:16]}")
    print("Everything is there. Give the new address to all workers in DATABASE_URL, and keep the old one for a while.")
    return 0


def _backup(arguments: argparse.Namespace) -> int:
    size = backup(config.load().database_url, arguments.file)
    print(f"{arguments.file}: {size} bytes, whole. Keep the secret key beside it, in a place as safe.")
    return 0


def _queues(arguments: argparse.Namespace) -> int:
    settings = config.load()
    plan = topology(settings.limits, settings.queues)
    named = {name for family in catalogue.families() for name in plan.queues_of(family)}
    depths = House(settings.amqp_url).depths(possible_queues())
    for name, depth in depths.items():
        left = "" if name in named else "  named by no setting"
        print(f"{name:<24} {depth.messages:>7} messages  {depth.consumers:>3} consumers{left}")
    left_over = [name for name in depths if name not in named]
    if arguments.drain:
        for name in left_over:
            print(f"{name}: {drain_queues.drain(settings.amqp_url, name, settings.queues)} messages moved, removed.")
    elif left_over:
        print(
            "Nobody sends to the queues that no setting names. When all processes know that: gameserver queues --drain"
        )
    return 0


def _key(arguments: argparse.Namespace) -> int:
    settings = config.load()
    write_key(settings.secret_key_file)
    print(f"The key is in {settings.secret_key_file}.")
    return 0


def _declare(arguments: argparse.Namespace) -> int:
    settings = config.load()
    with House(settings.amqp_url).connection() as connection:
        stand(connection, topology(settings.limits, settings.queues))
    print("Exchanges and queues stand.")
    return 0


def _secrets(arguments: argparse.Namespace) -> int:
    made = provisioning.make(arguments.folder, arguments.gateways.split(","))
    print(f"{arguments.folder}: made {', '.join(made) or 'nothing, everything is there'}.")
    return 0


def _broker_users(arguments: argparse.Namespace) -> int:
    for user in users(arguments.gateways.split(",")):
        print(f"{user.name}{' (' + ', '.join(user.tags) + ')' if user.tags else ''}")
        print(f"  configure {user.configure}\n  write     {user.write}\n  read      {user.read}")
    return 0


def _catalogue_export(arguments: argparse.Namespace) -> int:
    if arguments.file is None:
        print(catalogue_export.text(), end="")
        return 0
    _write(arguments.file, catalogue_export.text())
    print(f"{arguments.file}: {len(catalogue.events())} events, {len(catalogue.notices())} notices.")
    return 0


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Rejected("not_written", f"{file} cannot be written: {error.strerror}.") from None


def _catalogue_diff(arguments: argparse.Namespace) -> int:
    """Status 0: nothing breaks; 1: something does; 2: the earlier catalogue cannot be read."""
    try:
        earlier = _running_catalogues() if arguments.running else [_catalogue_of(arguments.old)]
    except GameError as error:
        print(f"gameserver: {error.message}", file=sys.stderr)
        return 2
    today = catalogue_diff.read(catalogue_export.text().encode(), "this version")
    found = catalogue_diff.breaking_first(change for old in earlier for change in catalogue_diff.changes(old, today))
    for change in found:
        print(f"{'breaks' if change.breaks else 'fine'}: {change.sentence}")
    broken = sum(change.breaks for change in found)
    print(f"Changes: {len(found)}; breaking: {broken}." if found else "No changes.")
    return 1 if broken else 0


def _catalogue_of(file: Path) -> catalogue_diff.Document:
    try:
        return catalogue_diff.read(file.read_bytes(), str(file))
    except OSError as error:
        raise Rejected("not_read", f"{file} cannot be read: {error.strerror}.") from None


def _running_catalogues() -> list[catalogue_diff.Document]:
    answers = House(config.load().amqp_url).catalogues()
    if not answers:
        raise Retryable("nobody_answers", "No worker answered: is one running, of a version that knows the question?")
    return [catalogue_diff.read(text.encode(), worker) for worker, text in sorted(answers.items())]


def _events(arguments: argparse.Namespace) -> int:
    if arguments.states:
        print(states.diagram())
    elif arguments.markdown:
        print(event_tables.markdown())
    else:
        print(event_tables.overview(config.load().queues))
    return 0


if __name__ == "__main__":
    sys.exit(main())
