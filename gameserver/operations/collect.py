"""Collecting a snapshot of a running deployment from all its parts."""

from collections.abc import Callable, Mapping, Sequence

from gameserver.broker.topology import DEAD
from gameserver.operations.inspector import Inspector
from gameserver.operations.metrics import read_gateway, read_worker
from gameserver.operations.snapshot import Snapshot


def collect_snapshot(
    inspector: Inspector,
    families: Mapping[str, Sequence[str]],
    *,
    dead: Callable[[], int | None],
    unread: Callable[[], int],
    clock_s: Callable[[], float],
) -> Snapshot:
    """Ask all parts and put their answers together. Raises ``Retryable`` when the broker does not answer.

    ``families``: the queues of each. ``dead``: counts the last hour's dead letters, ``None`` when the database does not
    answer. ``unread``: counts what waits for a worker of another version. ``clock_s``: seconds since 1970.
    """
    queues = {family: tuple(names) for family, names in families.items()}
    reports, workers = inspector.ask_all()
    at_s = clock_s()
    depths = inspector.queue_depths([*(name for names in queues.values() for name in names), DEAD])
    return Snapshot(
        at_s=at_s,
        families=queues,
        gateways=tuple(read_gateway(report) for report in reports),
        workers=tuple(read_worker(name, text) for name, text in sorted(workers.items())),
        depths=depths,
        dead=dead(),
        in_dead=depths[DEAD].messages if DEAD in depths else 0,
        unread=unread(),
    )
