"""A worker's name is its own: a second worker of the same name is refused at its start.

Celery takes commands to a worker from a queue that is named after the worker and is its connection's alone. A second
worker of the name is refused that queue by the broker, and would try to connect again without end.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from amqp.exceptions import NotFound, ResourceLocked

from gameserver.broker.connections import ERRORS
from gameserver.errors import Corrupt

WAIT_S_MAX = 3.0  # the broker needs a moment to see that a worker of this name has ended
PAUSE_S = 0.2


def refuse_taken_name(
    connect: Callable[[], Any],
    name: str,
    clock_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Raise ``Corrupt`` ``name_taken`` where another worker has this name. Nothing is said while the broker is away."""
    until_s = clock_s() + WAIT_S_MAX
    with suppress(*ERRORS):  # Celery tells whoever can't connect
        while _is_taken(connect, name):
            if clock_s() >= until_s:
                raise Corrupt("name_taken", f"Another worker has the name {name}: give this one another with -n.")
            sleep(PAUSE_S)


def _is_taken(connect: Callable[[], Any], name: str) -> bool:
    with connect() as connection, connection.channel() as channel:
        try:
            channel.queue_declare(queue=f"{name}.celery.pidbox", passive=True)
        except NotFound:
            return False
        except ResourceLocked:
            return True
        return True
