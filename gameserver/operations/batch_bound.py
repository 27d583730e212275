"""How many batches can be under way, and so how many children of workers can be busy, at most.

A gateway has no more than ``batches_in_flight_max`` batches of each type of event in each queue under way. Children
beyond what all gateways together allow stay idle, however much waits. (A batch of which nothing was heard for
``batch_flight_ms_max`` is not counted any more, so there may be more of batches that take longer than that.)
"""

from collections.abc import Collection

from gameserver.operations.snapshot import Snapshot

REACHED = 0.5  # of the bound, in busy children: the rest are on their way to a worker or back


def bound(now: Snapshot, tasks: Collection[str]) -> int:
    """Compute how many batches of these tasks can be under way; 0 when that is not known."""
    return len(now.gateways) * now.flight.batches_max * streams(now, tasks)


def streams(now: Snapshot, tasks: Collection[str]) -> int:
    """Count the types of events, each as often as it has queues."""
    return sum(now.flight.queues.get(task, 0) for task in tasks)


def sent(now: Snapshot, family: str) -> list[str]:
    """List the tasks of a family that gateways may send."""
    return [task for task in now.flight.queues if task.partition(".")[0] == family]


def sent_lately(before: Snapshot, now: Snapshot, family: str) -> list[str]:
    """List the tasks of a family that gateways sent between two snapshots."""
    earlier = {gateway.name: gateway.batches for gateway in before.gateways}
    return [
        task
        for task in sent(now, family)
        if any(each.batches.get(task, 0) > earlier.get(each.name, each.batches).get(task, 0) for each in now.gateways)
    ]


def children(now: Snapshot, family: str) -> int:
    """Count the children of the workers that serve a family."""
    return sum(worker.children for worker in now.serving(family))


def reached(children: int, busy: float, bound: int) -> bool:
    """Return whether another child would stay idle. ``busy``: the share of the children's time that they work."""
    return 0 < bound <= children and children * busy >= REACHED * bound


def format_bound(now: Snapshot, tasks: Collection[str]) -> str:
    """Format the bound with what it is made of."""
    gateways, types = len(now.gateways), streams(now, tasks)
    made_of = f"{_count(gateways, 'gateway')} x {_count(types, 'type')} x {now.flight.batches_max}"
    return f"{bound(now, tasks)} ({made_of})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
