"""The catalogue of events: ``events`` prints it, ``catalogue export`` and ``catalogue diff`` compare versions of it."""

import argparse
import sys
from pathlib import Path

from gameserver import config
from gameserver.cli.commands import ANSWER_S_MAX, Subparsers, add_command, add_group, within
from gameserver.declare import catalogue
from gameserver.errors import GameError, Rejected, Retryable
from gameserver.local.game_check import begin_check
from gameserver.operations import catalogue_diff, catalogue_document, catalogue_export, event_reference, typescript
from gameserver.operations.inspector import Inspector
from gameserver.wire import states


def add(commands: Subparsers) -> None:
    """Add ``events``, and ``catalogue`` with its commands."""
    events = add_command(commands, "events", _events, "print the catalogue of events")
    events.add_argument("--markdown", action="store_true", help="the tables of docs/protocol.md")
    events.add_argument("--hooks", action="store_true", help="what runs around which rules, in its order")
    events.add_argument("--states", action="store_true", help="the session states as a Mermaid diagram")
    documents = add_group(commands, "catalogue", "the catalogue as a document, and what a change of it breaks")
    export = add_command(documents, "export", _export, "write JSON Schema of all packets, and AsyncAPI 3.0 around it")
    export.add_argument("file", type=Path, nargs="?", help="where to (default: print it)")
    export.add_argument("--typescript", action="store_true", help="the types of events and notices instead")
    diff = add_command(
        documents, "diff", _diff, "compare with an earlier catalogue: status 1 if clients or events under way break"
    )
    earlier = diff.add_mutually_exclusive_group(required=True)
    earlier.add_argument("old", type=Path, nargs="?", help="a file that `catalogue export` wrote")
    earlier.add_argument("--running", action="store_true", help="the catalogues of the workers that run now")


def _events(arguments: argparse.Namespace) -> int:
    if arguments.states:
        print(states.diagram())
    elif arguments.markdown:
        print(event_reference.markdown())
    elif arguments.hooks:
        print(event_reference.hooks_table())
    else:
        print(event_reference.overview(config.load().queues))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    begin_check(config.load())()
    text = typescript.declarations() + "\n" if arguments.typescript else catalogue_export.text()
    if arguments.file is None:
        print(text, end="")
        return 0
    _write(arguments.file, text)
    print(f"{arguments.file}: {len(catalogue.events())} events, {len(catalogue.notices())} notices.")
    return 0


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Rejected("not_written", f"{file} cannot be written: {error.strerror}.") from None


def _diff(arguments: argparse.Namespace) -> int:
    """Status 0: nothing breaks; 1: something does; 2: the earlier catalogue cannot be read."""
    try:
        earlier = _running_catalogues() if arguments.running else [_catalogue_of(arguments.old)]
    except GameError as error:
        print(f"gameserver: {error.message}", file=sys.stderr)
        return 2
    begin_check(config.load())()
    today = catalogue_document.read(catalogue_export.text().encode(), "this version")
    found = catalogue_diff.breaking_first(change for old in earlier for change in catalogue_diff.changes(old, today))
    for change in found:
        print(f"{'breaks' if change.breaks else 'fine'}: {change.sentence}")
    broken = sum(change.breaks for change in found)
    print(f"Changes: {len(found)}; breaking: {broken}." if found else "No changes.")
    return 1 if broken else 0


def _catalogue_of(file: Path) -> catalogue_document.Document:
    try:
        return catalogue_document.read(file.read_bytes(), str(file))
    except OSError as error:
        raise Rejected("not_read", f"{file} cannot be read: {error.strerror}.") from None


def _running_catalogues() -> list[catalogue_document.Document]:
    with within(ANSWER_S_MAX):
        answers = Inspector(config.load().amqp_url).catalogues()
    if not answers:
        raise Retryable("nobody_answers", "No worker answered: is one running, of a version that knows the question?")
    return [catalogue_document.read(text.encode(), worker) for worker, text in sorted(answers.items())]
