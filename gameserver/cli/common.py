"""Open or look up what several commands need: database, times, queues."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from gameserver import config
from gameserver.broker.topology import topology
from gameserver.config import Settings
from gameserver.declare import catalogue
from gameserver.maps.world import load_world
from gameserver.store import Store


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
