"""Advice for an operator: commands with their reasons, computed from two snapshots and never executed.

More workers are advised when events wait long while the present workers are busy, fewer when most of their time is
idle. When events wait long and no worker is busy, the advice says that more workers would not help.
"""

import shlex

import msgspec

from gameserver.declare import catalogue
from gameserver.operations import batch_bound
from gameserver.operations.rates import family_rates, gateway_rates, ticks, worker_rates
from gameserver.operations.snapshot import Gateway, Node, Snapshot, Worker
from gameserver.server_time import CLOCK_TOLERANCE_MS
from gameserver.store.engine import CONNECTIONS_MAX

OLD_S = 1.0  # an event older than this is too old
BUSY = 0.8  # more than this share of their time: no time left
IDLE = 0.1
SKEWED_S = CLOCK_TOLERANCE_MS / 1000
GATEWAY_BUSY = 0.85  # of one processor: Twisted uses no second one
CONNECTIONS_USED = 0.8  # of those that the database, or a gateway, allows
DISK_FREE = 0.1  # of the disk, and on a large one
DISK_FREE_BYTES = 5_000_000_000


class Advice(msgspec.Struct, frozen=True):
    """A reason, and the command that would help; "" when there is none."""

    why: str
    command: str = ""


def advise(before: Snapshot, now: Snapshot, *, one_writer: bool) -> list[Advice]:
    """List all advice, the most urgent first. ``one_writer``: the database is SQLite."""
    found = [*_unserved_queues(now)]
    for family in now.families:
        found += _add_worker(before, now, family, one_writer)
    found += _gateways(before, now)
    found += [*_room_of_gateways(now), *_database(now, one_writer), *_broker(now), *_disk(now)]
    found += _beat(before, now)
    found += _clocks(now)
    for family in now.families:
        found += _remove_worker(before, now, family)
    return found + _dead_letters(now)


def _unserved_queues(now: Snapshot) -> list[Advice]:
    found = [] if now.gateways else [Advice("no gateway answers", "python -m gateway")]
    for family in now.families:
        unserved = now.unserved(family)
        if not unserved:
            continue
        waits = f"{now.batches(family)} batches wait, the oldest event for {now.oldest_s(family):.1f} s"
        why = f"nobody serves {', '.join(unserved)}: {waits}"
        paused = [worker for worker in now.workers if not worker.queues]
        if paused:
            found += [Advice(why, f"celery -A tasks control add_consumer {q} -d {paused[0].name}") for q in unserved]
        else:
            found.append(Advice(why, start_command(now, family, unserved)))
    return found


def start_command(now: Snapshot, family: str, queues: tuple[str, ...]) -> str:
    """Make the command that starts one more worker under a free name."""
    names = {worker.name.partition("@")[0] for worker in now.workers}
    number = next(n for n in range(1, len(names) + 2) if f"{family}{n}" not in names)
    return f"celery -A tasks worker -Q {','.join(queues)} -n {family}{number}@%h"


def _add_worker(before: Snapshot, now: Snapshot, family: str, one_writer: bool) -> list[Advice]:
    rates, oldest_s, workers = family_rates(before, now, family), now.oldest_s(family), now.serving(family)
    if not workers or oldest_s < OLD_S:
        return []
    why = f"{family}: the oldest event waits for {oldest_s:.1f} s, workers are busy {rates.busy:.0%} of their time"
    busy = rates.busy >= BUSY or _busiest(before, now, workers)[1] >= BUSY
    if busy and one_writer:
        return [Advice(f"{why}. SQLite has one writer at a time: PostgreSQL would help, another worker would not")]
    if _idle_beyond_flight(before, now, family, rates.busy):
        return [Advice(f"{why}. {_flight(before, now, family)}")]
    if not busy:
        return [Advice(f"{why}. More of them would not help: see what they wait for (database, broker, their logs)")]
    return [Advice(why, start_command(now, family, now.families[family]))]


def _idle_beyond_flight(before: Snapshot, now: Snapshot, family: str, busy: float) -> bool:
    bound = batch_bound.bound(now, batch_bound.sent_lately(before, now, family))
    return batch_bound.reached(batch_bound.children(now, family), busy, bound)


def _flight(before: Snapshot, now: Snapshot, family: str) -> str:
    children, tasks = batch_bound.children(now, family), batch_bound.sent_lately(before, now, family)
    return (
        f"More than {children} children would idle: of what is sent now at most {batch_bound.format_bound(now, tasks)} "
        f"batches are under way. Split the queue (GAMESERVER_SPLIT_QUEUES), start another gateway, "
        "or raise GAMESERVER_BATCHES_IN_FLIGHT_MAX"
    )


def _busiest(before: Snapshot, now: Snapshot, workers: tuple[Worker, ...]) -> tuple[Worker, float]:
    shares = [(worker, worker_rates(before, now, worker)[1]) for worker in workers]
    return max(shares, key=lambda pair: pair[1])


def _gateways(before: Snapshot, now: Snapshot) -> list[Advice]:
    shares = [gateway_rates(before, now, gateway)[2] for gateway in now.gateways]
    if not shares or min(shares) < GATEWAY_BUSY:
        return []
    return [Advice(f"every gateway uses its processor to {min(shares):.0%} or more", "python -m gateway tcp:4001")]


def _room_of_gateways(now: Snapshot) -> list[Advice]:
    """Name gateways that have fewer descriptors than wanted connections, and those that are nearly full."""
    return [Advice(why, command) for each in now.gateways for why, command in _room(each, now.connections_wanted)]


def _room(gateway: Gateway, wanted: int) -> list[tuple[str, str]]:
    most, found = gateway.connections_max, []
    if 0 < most < wanted:
        why = f"gateway {gateway.name} has descriptors for {most} connections, not for connections_max ({wanted})"
        found.append((f"{why}: raise its hard limit (ulimit -Hn, LimitNOFILE=, ulimits)", ""))
    if most and gateway.connections > CONNECTIONS_USED * most:
        why = f"gateway {gateway.name} has {gateway.connections} of {most} connections, and refuses more"
        found.append((why, "python -m gateway tcp:4001"))
    return found


def _database(now: Snapshot, one_writer: bool) -> list[Advice]:
    database = now.database
    taken = (
        f"{now.children} children of workers take up to {now.children * CONNECTIONS_MAX}: raise max_connections, "
        "or start fewer children"
    )
    if database.fault:
        # Each server says in its own words, and language, that it has no connection left.
        cure = "" if one_writer else f". If it has no connection left: {taken}"
        return [Advice(f"the database does not answer: {database.fault.rstrip('.')}{cure}")]
    if database.connections <= CONNECTIONS_USED * database.connections_max:
        return []
    return [Advice(f"the database has {database.connections} of {database.connections_max} connections; {taken}")]


def _broker(now: Snapshot) -> list[Advice]:
    if now.broker.fault:
        return [Advice(f"the broker's management does not answer: {now.broker.fault}")]
    return [Advice(why) for node in now.broker.nodes if (why := short_of_descriptors(node))]


def short_of_descriptors(node: Node) -> str:
    """Say that a node of the broker has few descriptors left for connections; "" where it has enough."""
    for what, used, total in (
        ("descriptors", node.fd_used, node.fd_total),
        ("sockets", node.sockets_used, node.sockets_total),
    ):
        if used > CONNECTIONS_USED * total > 0:
            return (
                f"the broker's node {node.name} has {used} of {total} {what} and will refuse connections: raise its "
                "limit (ulimit -n, LimitNOFILE=, ulimits), or start fewer workers"
            )
    return ""


def _disk(now: Snapshot) -> list[Advice]:
    disk = now.disk
    if disk.free_bytes >= min(DISK_FREE * disk.total_bytes, DISK_FREE_BYTES):
        return []
    free = f"{disk.free_bytes / 1e9:.1f} of {disk.total_bytes / 1e9:.1f} GB"
    return [Advice(f"the disk of {disk.folder} is nearly full, {free} are free", f"df -h {shlex.quote(disk.folder)}")]


def _beat(before: Snapshot, now: Snapshot) -> list[Advice]:
    """Advise to start beat when the ticks that it sends no longer change the world."""
    pulse = catalogue.pulse()
    if pulse is None or pulse.family not in now.families:
        return []
    still = now.serving(pulse.family) and before.serving(pulse.family)
    if not still or now.at_s - before.at_s < OLD_S or ticks(before, now):
        return []
    return [Advice("the world stands still: no tick moved it", "celery -A tasks beat")]


def _clocks(now: Snapshot) -> list[Advice]:
    """Name the machines whose clocks are wrong by more than is tolerated."""
    parts = [
        *((f"gateway {gateway.name}", gateway.skew_s) for gateway in now.gateways),
        *((f"worker {worker.name}", worker.skew_s) for worker in now.workers),
        ("beat", now.beat_skew_s),
    ]
    return [
        Advice(f"the clock of {part}'s machine is {_off(skew_s)} the data tier's; there:", "timedatectl set-ntp true")
        for part, skew_s in parts
        if abs(skew_s) > SKEWED_S
    ]


def _off(skew_s: float) -> str:
    return f"{abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'}"


def _remove_worker(before: Snapshot, now: Snapshot, family: str) -> list[Advice]:
    own = [worker for worker in now.serving(family) if set(worker.queues) == set(now.families[family])]
    rates = family_rates(before, now, family)
    left = len(own) - 1
    if left < 1 or now.oldest_s(family) or rates.busy * len(own) / left > BUSY or rates.busy > IDLE:
        return []
    why = f"{family}: {len(own)} workers are busy {rates.busy:.0%} of their time (status 69 is success here)"
    return [Advice(why, f"celery -A tasks control shutdown -d {sorted(worker.name for worker in own)[-1]}")]


def _dead_letters(now: Snapshot) -> list[Advice]:
    found = []
    if now.dead:
        found.append(Advice(f"{now.dead} events were given up in the last hour", "gameserver dead list --hours 1"))
    if now.unread:
        what = f"{now.unread} events of an unknown type or form wait"
        found.append(Advice(f"{what}: a worker of another version is needed (the logs name them)"))
    if now.in_dead:
        why = (
            f"{now.in_dead} messages lie in RabbitMQ's queue dead: no events, or delivered too often (x-death says why)"
        )
        found.append(Advice(why))
    return found
