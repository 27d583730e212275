"""Open or look up what several commands need: database, times, queues."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from gameserver import config
from gameserver.broker.topology import topology
from gameserver.config import Settings
from gameserver.declare import catalogue
from gameserver.errors import Retryable
from gameserver.maps.world import load_world
from gameserver.store import Store
from gameserver.store.engine import answers

ASK_EVERY_S = 5.0
MISSED_MAX = 2  # questions in a row that were not answered


@contextmanager
def open_store(*, to_write: bool = False) -> Iterator[Store]:
    """Open the database, and close it at the end. ``to_write``: not one that another game or version has migrated."""
    settings = config.load()
    store = Store(settings.database_url, load_world(settings.world_file))
    try:
        if to_write:
            store.refuse_unknown()
        yield store
    finally:
        store.close()


@contextmanager
def while_database_answers(url: str) -> Iterator[None]:
    """Raise ``Retryable`` ``database_away`` in the block when the database answers nobody any more, and again.

    For what may take long: what waits for a lock ends by itself, and another connection asks whether there is progress.
    """

    def end(*_: object) -> None:
        raise Retryable("database_away", "The database answers nobody any more. Nothing of this counts; try it again.")

    over, before = Event(), signal.signal(signal.SIGUSR1, end)
    watching = Thread(target=_watch, args=(url, over), daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
        signal.signal(signal.SIGUSR1, before)


def _watch(url: str, over: Event) -> None:
    missed = 0
    while not over.wait(ASK_EVERY_S):
        missed = 0 if answers(url) else missed + 1
        if missed >= MISSED_MAX and not over.is_set():
            os.kill(os.getpid(), signal.SIGUSR1)


def now_ms() -> int:
    """Return this machine's time."""
    return int(time.time() * 1000)


def server_ms(store: Store) -> int:
    """Return the time by which the data tier's rows are dated, which need not be this machine's."""
    store.learn_time()
    return store.now_ms()


def queues_of_families(settings: Settings) -> dict[str, list[str]]:
    """Return each family's queues."""
    plan = topology(settings.limits, settings.queues)
    return {family: plan.queues_of(family) for family in catalogue.families()}
