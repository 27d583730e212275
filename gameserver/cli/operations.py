"""What an operator asks of a running deployment: ``status``, ``advise``, ``tail``, ``trace``, ``queues``."""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice

from gameserver import config
from gameserver.broker.topology import possible_wholes, topology
from gameserver.cli.commands import ANSWER_S_MAX, Subparsers, add_command, within
from gameserver.cli.common import now_ms, open_store, queues_of_families, server_ms
from gameserver.declare import catalogue
from gameserver.errors import Rejected
from gameserver.operations import announcing, drain_queues, status, tail, trace
from gameserver.operations.advise import advise
from gameserver.operations.collect import ask_database, collect_snapshot
from gameserver.operations.inspector import ANSWER_S, Inspector
from gameserver.operations.snapshot import Snapshot

QUICK_S = 0.6  # a tick of the world, and some more: rates are of this time
CLEAR = "\x1b[H\x1b[2J"


def add(commands: Subparsers) -> None:
    """Add the commands that look at a running deployment."""
    status = add_command(commands, "status", _status, "one screen: gateways, families, workers, rates, dead letters")
    status.add_argument("--watch", action="store_true", help="live, until Ctrl-C")
    add_command(
        commands, "advise", _advise, "print the commands that would help now, with their reasons", s_max=ANSWER_S_MAX
    )
    tail = add_command(commands, "tail", _tail, "show events as they go by, and their replies")
    tail.add_argument("--family", default="", help="of this family")
    tail.add_argument("--player", default="", help="of this player")
    tail.add_argument("--count", type=int, default=0, help="end after so many lines")
    add_command(commands, "trace", _trace, "one event's way and times", s_max=ANSWER_S_MAX).add_argument(
        "id", help="an event's or a task's id"
    )
    add_command(commands, "announce", _announce, "tell all players something", s_max=ANSWER_S_MAX).add_argument(
        "text", help="1 to 300 characters"
    )
    queues = add_command(commands, "queues", _queues, "what waits, and which queues no setting names any more")
    queues.add_argument(
        "--drain", action="store_true", help="move what waits in those to where it belongs, remove them"
    )


@contextmanager
def looking() -> Iterator[Callable[..., Snapshot]]:
    """A function that takes snapshots, of ``collect_snapshot``'s last two arguments.

    Without a database only the dead letters are missing.
    """
    with open_store() as store:
        yield partial(look(), from_database=lambda: ask_database(store, now_ms))


def look() -> Callable[..., Snapshot]:
    """A function that takes snapshots; how the database is asked is left to its caller."""
    settings = config.load()
    return partial(
        collect_snapshot, Inspector(settings.amqp_url), queues_of_families(settings), settings, clock_s=time.time
    )


def _announce(arguments: argparse.Namespace) -> int:
    with open_store(to_write=True) as store:
        id_ = announcing.announce(store, arguments.text, server_ms(store))
    print(f"All who are in the world will be told, by the event {id_}.")
    return 0


def _two(take: Callable[..., Snapshot], quiet_s: float) -> tuple[Snapshot, Snapshot]:
    """Take two snapshots, so long apart, or longer where somebody is slow to answer."""
    before = take(quiet_s=quiet_s)
    if quiet_s < ANSWER_S and not before.is_complete:
        before = take()
    return before, take(expected=before.names)


def _status(arguments: argparse.Namespace) -> int:
    with looking() as take:
        with within(ANSWER_S_MAX):
            before, now = _two(take, QUICK_S)
        while arguments.watch:
            print(f"{CLEAR}{status.format_screen(before, now)}", end="", flush=True)
            with within(ANSWER_S_MAX):
                before, now = now, take()
        print(status.format_screen(before, now), end="")
    return 0


def _advise(arguments: argparse.Namespace) -> int:
    with looking() as take:
        before, now = _two(take, ANSWER_S)
    found = advise(before, now, one_writer=config.load().database_url.startswith("sqlite"))
    for advice in found:
        print(f"# {advice.why}" + (f"\n{advice.command}" if advice.command else ""))
    if not found:
        print("# nothing to do")
    return 0


def _tail(arguments: argparse.Namespace) -> int:
    settings = config.load()
    families = queues_of_families(settings)
    if arguments.family and arguments.family not in families:
        raise Rejected("no_such_family", f"There is no family {arguments.family}: {', '.join(families)}.")
    queues = [queue for family in families if arguments.family in ("", family) for queue in families[family]]
    lines = tail.follow(Inspector(settings.amqp_url), queues, player=arguments.player.lower(), clock_ms=now_ms)
    for line in islice(lines, arguments.count or None):
        print(line, flush=True)
    return 0


def _trace(arguments: argparse.Namespace) -> int:
    settings, id_ = config.load(), trace.event_id(arguments.id)
    times = [times for report in Inspector(settings.amqp_url).ask_about_event(id_) for times in report.times]
    with open_store() as store:
        trials, dead = store.trials([id_]), store.dead_letters(id_=id_)
    found = [
        *trace.format_times(times, failed=bool(dead or trials.get(id_))),
        *trace.format_failures(trials.get(id_, 0), dead),
        *trace.find_log_lines(settings.var / "log", id_),
    ]
    if not found:
        raise Rejected("not_known", f"Nothing is known of {id_}: gateways remember their last 20,000 events.")
    print("\n".join(found))
    return 0


def _queues(arguments: argparse.Namespace) -> int:
    settings = config.load()
    plan = topology(settings.limits, settings.queues)
    named = {name for family in catalogue.families() for name in plan.queues_of(family)}
    with within(ANSWER_S_MAX):
        depths = Inspector(settings.amqp_url).queue_depths(possible_wholes())
    for name, depth in depths.items():
        left = "" if name in named else "  named by no setting"
        print(f"{name:<24} {depth.messages:>7} messages  {depth.consumers:>3} consumers{left}")
    left_over = [name for name in depths if name not in named]
    if arguments.drain:
        for name in reversed(left_over):  # of a split queue the last part first: then those that are left are found
            print(f"{name}: {drain_queues.drain(settings.amqp_url, name, settings.queues)} messages moved, removed.")
    elif left_over:
        print(
            "Nobody sends to the queues that no setting names. When all processes know that: gameserver queues --drain"
        )
    return 0
