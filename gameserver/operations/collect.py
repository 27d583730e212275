"""Collecting a snapshot of a running deployment from all its parts."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from gameserver.broker.topology import DEAD
from gameserver.config import Settings
from gameserver.declare import catalogue
from gameserver.errors import Retryable
from gameserver.operations.inspector import ANSWER_S, Inspector
from gameserver.operations.management import ask_management
from gameserver.operations.metrics_reader import read_gateway, read_worker
from gameserver.operations.snapshot import Database, Disk, Flight, Snapshot
from gameserver.store import Store

DEAD_MS = 3_600_000  # dead letters of so long
UNREAD_MS = 60_000  # what was put off since then still waits


class FromDatabase(msgspec.Struct, frozen=True, kw_only=True):
    """What the database knows. ``dead``: dead letters of the last hour, ``None`` when it did not answer."""

    database: Database
    dead: int | None = None
    unread: int = 0


def flight_of(settings: Settings) -> Flight:
    """Compute what bounds the batches under way, as the settings say."""
    queues = settings.queues
    return Flight(
        batches_max=settings.limits.batches_in_flight_max,
        queues={
            spec.task: len(queues.parts(queues.whole(spec))) for spec in catalogue.specs() if spec.origin != "server"
        },
    )


def disk_of(folder: Path) -> Disk:
    """Look how full the disk of a folder, or of the first above it that is there, is."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    usage = shutil.disk_usage(there)
    return Disk(folder=str(there), free_bytes=usage.free, total_bytes=usage.total)


def connections_of(store: Store) -> Database:
    """Ask the database for its connections alone."""
    try:
        connections, most = store.connections() or (0, 0)
    except Retryable as trouble:
        return Database(fault=str(trouble))
    return Database(connections=connections, connections_max=most)


def ask_database(store: Store, wall_ms: Callable[[], int]) -> FromDatabase:
    """Ask the database; one that does not answer is asked once, as each question may take seconds."""
    try:
        store.learn_time()
        database = connections_of(store)
        if database.fault:
            return FromDatabase(database=database)
        return FromDatabase(
            database=database,
            dead=len(store.dead_letters(since_ms=store.now_ms() - DEAD_MS)),
            unread=store.unread(wall_ms() - UNREAD_MS),
        )
    except Retryable as trouble:
        return FromDatabase(database=Database(fault=str(trouble)))


def collect_snapshot(
    inspector: Inspector,
    families: Mapping[str, Sequence[str]],
    settings: Settings,
    *,
    from_database: Callable[[], FromDatabase],
    clock_s: Callable[[], float],
    expected: frozenset[str] = frozenset(),
    quiet_s: float = ANSWER_S,
) -> Snapshot:
    """Ask all parts and put their answers together. Raises ``Retryable`` when the broker does not answer.

    ``families``: the queues of each. ``clock_s``: seconds since 1970. ``expected`` and ``quiet_s`` are what
    ``Inspector.ask_all`` takes.
    """
    queues = {family: tuple(names) for family, names in families.items()}
    at_s = clock_s()  # everybody answers at once: what is waited for is that nobody else does
    reports, workers = inspector.ask_all(expected, quiet_s)
    depths = inspector.queue_depths([*(name for names in queues.values() for name in names), DEAD])
    data = from_database()
    return Snapshot(
        at_s=at_s,
        families=queues,
        gateways=tuple(read_gateway(report) for report in reports),
        workers=tuple(read_worker(name, text) for name, text in sorted(workers.items())),
        depths=depths,
        dead=data.dead,
        in_dead=depths[DEAD].messages if DEAD in depths else 0,
        unread=data.unread,
        flight=flight_of(settings),
        database=data.database,
        broker=ask_management(settings.amqp_management_url),
        disk=disk_of(settings.var),
        connections_wanted=settings.limits.connections_max,
    )
