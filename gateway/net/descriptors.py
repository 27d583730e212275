"""Room for connections: how many files and sockets the system lets this process open.

A process that runs out of descriptors can't even accept a connection to refuse it. So the soft limit is raised to the
hard one at start, and no more connections are let in than there are descriptors for: what is beyond is refused by us,
counted and logged.
"""

import logging
import resource

from msgspec.structs import replace

from gameserver.limits import Limits

log = logging.getLogger(__name__)

RESERVED = 64  # for the broker's connections, listening sockets, logs, the sealing key, whoever asks for metrics


def raise_descriptors() -> int:
    """Raise the soft limit of descriptors to the hard one. Returns how many this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def fit_connections(limits: Limits, descriptors: int) -> Limits:
    """Return the limits with no more connections than there are descriptors for, and log when that is fewer."""
    room = max(1, descriptors - RESERVED)
    if room >= limits.connections_max:
        return limits
    log.warning(
        "this process may open %d files and sockets: %d connections are let in, not connections_max (%d). "
        "Raise the hard limit (ulimit -Hn; LimitNOFILE= of systemd; ulimits of a container)",
        descriptors,
        room,
        limits.connections_max,
    )
    per_address = min(limits.connections_per_address_max, room)
    return replace(limits, connections_max=room, connections_per_address_max=per_address)
