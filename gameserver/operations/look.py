"""Take a snapshot of a deployment: ask every part, and put the answers together."""

from collections.abc import Callable, Mapping, Sequence

from gameserver.broker.topology import DEAD
from gameserver.operations.inspector import Inspector
from gameserver.operations.snapshot import Snapshot, gateway_of, worker_of


def look(
    inspector: Inspector,
    families: Mapping[str, Sequence[str]],
    *,
    dead: Callable[[], int | None],
    unread: Callable[[], int],
    clock_s: Callable[[], float],
) -> Snapshot:
    """Return what the deployment is like now. Raises ``Retryable`` without a broker.

    ``dead`` counts the last hour's dead letters, ``unread`` what waits for a worker of another
    version.
    """
    queues = {family: tuple(names) for family, names in families.items()}
    reports, workers = inspector.all()
    at_s = clock_s()
    depths = inspector.depths([*(name for names in queues.values() for name in names), DEAD])
    return Snapshot(
        at_s=at_s,
        families=queues,
        gateways=tuple(gateway_of(report) for report in reports),
        workers=tuple(worker_of(name, text) for name, text in sorted(workers.items())),
        depths=depths,
        dead=dead(),
        unreadable=depths[DEAD].messages if DEAD in depths else 0,
        unread=unread(),
    )
