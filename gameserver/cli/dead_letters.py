"""``gameserver dead``: list, show, replay and drop dead letters."""

import argparse
import time

from gameserver.cli.commands import ANSWER_S_MAX, Subparsers, add_command, add_group
from gameserver.cli.common import open_store, server_ms
from gameserver.errors import Rejected
from gameserver.processing import dead_letters


def add(commands: Subparsers) -> None:
    """Add ``dead`` and its commands."""
    dead = add_group(commands, "dead", "events that were given up")
    listing = add_command(dead, "list", _dead_list, "list dead letters, newest first", s_max=ANSWER_S_MAX)
    listing.add_argument("--family", default="", help="of this family")
    listing.add_argument("--player", default="", help="of this player")
    listing.add_argument("--hours", type=float, default=0.0, help="given up within so many hours")
    for name, command, what in (
        ("show", _dead_show, "show one with its cause, traceback and envelope"),
        ("replay", _dead_replay, "give one back to the queue: it is applied once"),
        ("drop", _dead_drop, "forget one"),
    ):
        add_command(dead, name, command, what, s_max=ANSWER_S_MAX).add_argument("id")


def _dead_list(arguments: argparse.Namespace) -> int:
    with open_store() as store:
        since_ms = server_ms(store) - int(arguments.hours * 3_600_000) if arguments.hours else 0
        letters = store.dead_letters(family=arguments.family, player=arguments.player, since_ms=since_ms)
    for letter in letters:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(letter.dead_ms / 1000))
        who = letter.player or "-"
        print(f"{letter.id}  {when}  {letter.family}.{letter.event}  {who}  {letter.attempts} trials  {letter.cause}")
    print(f"{len(letters)} dead letters.")
    return 0


def _dead_show(arguments: argparse.Namespace) -> int:
    with open_store() as store:
        found = store.dead_letters(id_=arguments.id)
    if not found:
        raise Rejected("no_such_letter", f"There is no dead letter {arguments.id}.")
    (letter,) = found
    print(f"{letter.family}.{letter.event} of {letter.player or 'nobody'}, {letter.attempts} trials")
    print(f"cause: {letter.cause}\nenvelope: {letter.envelope.decode(errors='replace')}\n{letter.traceback}")
    return 0


def _dead_replay(arguments: argparse.Namespace) -> int:
    with open_store(to_write=True) as store:
        print(f"It will be applied as {dead_letters.replay(store, arguments.id, server_ms(store))}.")
    return 0


def _dead_drop(arguments: argparse.Namespace) -> int:
    with open_store(to_write=True) as store:
        dead_letters.drop(store, arguments.id)
    print("Forgotten.")
    return 0
