"""The adversary's moves: a table of what may happen to the cluster at any moment, with how often beside the others."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from gameserver.messages.task_message import TaskMessage
from gameserver.modules.sessions.entities import Player
from gameserver.rules.outcome import Waiting
from tests.simulation.beats import Beat
from tests.simulation.memory_store import RowLocks
from tests.simulation.parcels import FAMILIES

SKEWS_MS = (-600_000, -90_000, -10_000, -1_500, 0, 1_500, 10_000, 40_000, 600_000)
OUTAGES_S = (1.0, 4.0, 8.0, 20.0, 40.0)
LOCKS_S = (1.0, 5.0, 20.0, 90.0)
STRETCHES_S = (2.0, 7.0, 20.0, 30.0)


class Move(NamedTuple):
    """``weight``: how often, beside the others that a story knows."""

    play: Callable[[Any], None]
    weight: int


def cut(cluster: Any) -> None:
    """A gateway loses its broker, perhaps with what the broker held for it."""
    n = cluster.any_gateway()
    if cluster.brokers[n].up:
        cluster.cut(n, forget=cluster.rng.random() < 0.5)


def mend(cluster: Any) -> None:
    """A gateway finds its broker again."""
    cluster.mend(cluster.any_gateway())


def restart_broker(cluster: Any) -> None:
    """The broker dies and comes back: transient messages are lost, batches at work are delivered again."""
    for n in range(len(cluster.brokers)):
        cluster.cut(n, forget=False)
    cluster.parcels.restart()
    cluster.parcels.away_until_s = cluster.now_s() + cluster.rng.choice((0.0, 2.0, 10.0))


def kill_gateway(cluster: Any) -> None:
    """A gateway dies without a word; another comes up in its place."""
    cluster.kill_gateway(cluster.any_gateway())


def hang_up(cluster: Any) -> None:
    """A client's connection breaks."""
    cluster.rng.choice(cluster.players).hang_up()


def visitor(cluster: Any) -> None:
    """Someone comes in who does not stay."""
    cluster.visit()


def visitor_leaves(cluster: Any) -> None:
    """The last who came is gone for good, whatever was under way."""
    for one in cluster.visitors[-1:]:
        one.leave()


def family_away(cluster: Any) -> None:
    """Nobody serves a family for a while."""
    _while(cluster, cluster.parcels.served_again_s, cluster.rng.choice(FAMILIES))


def _while(cluster: Any, until_s: dict[str, float], family: str) -> None:
    """It lasts, and perhaps everyone lives through it."""
    until_s[family] = cluster.soon(OUTAGES_S)
    if cluster.rng.random() < 0.5:
        cluster.live(until_s[family] - cluster.now_s())


def queue_full(cluster: Any) -> None:
    """A family's queue refuses."""
    _while(cluster, cluster.parcels.full, cluster.rng.choice(FAMILIES))


def queue_missing(cluster: Any) -> None:
    """A family's queue is not there: what is published comes back."""
    _while(cluster, cluster.parcels.missing, cluster.rng.choice(FAMILIES))


def database_away(cluster: Any) -> None:
    """The database does not answer."""
    cluster.database_back_s = cluster.soon(OUTAGES_S)


def foreign_lock(cluster: Any) -> None:
    """Someone holds a player's row from a console."""
    rows = sorted(cluster.store.things[Player])
    if rows and not cluster.store.one_writer:
        key = Player, cluster.rng.choice(rows)
        if key not in cluster.store.locks:
            until_s = cluster.soon(LOCKS_S)
            cluster.hold(key, until_s)
            if cluster.rng.random() < 0.5:
                cluster.live(until_s - cluster.now_s())


def freeze_worker(cluster: Any) -> None:
    """A worker at work freezes; its batch is delivered again while it still sits on it."""
    busy = [p for p in cluster.processes.all if p.strand is not None]
    if busy:
        process = cluster.rng.choice(busy)
        process.frozen_until_s = cluster.soon(OUTAGES_S)
        if process.parcel.held is process:
            process.parcel.held = None
            process.parcel.redelivered = True


def kill_worker(cluster: Any) -> None:
    """A worker at work dies."""
    busy = [p for p in cluster.processes.all if p.strand is not None]
    if busy:
        cluster.processes.kill(cluster.rng.choice(busy))


def skew(cluster: Any) -> None:
    """Somebody's clock is set, forward or back."""
    clocks = [*cluster.gateway_clocks, *cluster.beats]
    cluster.rng.choice(clocks).skew_ms = cluster.rng.choice(SKEWS_MS)


def second_beat(cluster: Any) -> None:
    """Another beat runs beside the first, by a clock of its own."""
    if len(cluster.beats) < 2:
        cluster.beats.append(Beat(cluster))
        cluster.beats[-1].skew_ms = cluster.rng.choice(SKEWS_MS)


def kill_beat(cluster: Any) -> None:
    """A beat is gone."""
    if cluster.beats:
        cluster.beats.remove(cluster.rng.choice(cluster.beats))


def foreign_rows(cluster: Any) -> None:
    """The release after this one was here, and rolled back: it left rows that nobody can read."""
    kind, body = cluster.rng.choice(FOREIGN_BODIES)
    cluster.foreign += 1
    id_ = f"tomorrow:{cluster.foreign}/e0"
    now_ms = cluster.now_ms()
    cluster.foreign_rows.add(id_)
    cluster.store.outbox.setdefault(id_, (Waiting(id_, kind, "", body), now_ms, now_ms))


def foreign_field(cluster: Any) -> None:
    """A gateway of the next release says more about an event than today's catalogue knows."""
    found = [p for p in cluster.parcels.waiting if p.held is None and p.family not in ("world", "sessions")]
    if found:
        parcel = cluster.rng.choice(found)
        (batch,), more, last = msgspec.json.decode(parcel.message.body)
        one = cluster.rng.choice(batch)
        one["event"]["mood"] = "cheerful"
        cluster.foreign_events.add(one["id"])
        parcel.message = _with_body(parcel.message, msgspec.json.encode(([batch], more, last)))


def _with_body(message: TaskMessage, body: bytes) -> TaskMessage:
    return replace(message, body=body)


def revoke(cluster: Any) -> None:
    """An operator revokes a task by its id, and every worker throws away what comes under it."""
    found = [p for p in cluster.parcels.waiting if p.family not in ("world",)]
    if found:
        cluster.parcels.revoked.add(cluster.rng.choice(found).message.task_id)


def time_passes(cluster: Any) -> None:
    """A while in which players wait."""
    cluster.live(cluster.rng.choice(STRETCHES_S))


FOREIGN_BODIES = (
    ("event", b'{"id":"tomorrow","event":{"type":"dance","seq":0},"at_ms":0}'),
    ("event", b'{"id":"tomorrow","event":{"type":"reward","player":"x","xp":1,"slain":"y","mood":1},"at_ms":0}'),
    ("event", b"\x00 nothing that anyone could read"),
    ("talk", b"\x00 nothing that anyone could read"),
)

MOVES: dict[str, Move] = {
    play.__name__: Move(play, weight)
    for play, weight in (
        (cut, 3),
        (mend, 3),
        (restart_broker, 1),
        (kill_gateway, 1),
        (hang_up, 4),
        (visitor, 2),
        (visitor_leaves, 2),
        (family_away, 3),
        (queue_full, 2),
        (queue_missing, 1),
        (database_away, 1),
        (foreign_lock, 2),
        (freeze_worker, 3),
        (kill_worker, 2),
        (skew, 3),
        (second_beat, 1),
        (kill_beat, 1),
        (foreign_rows, 1),
        (foreign_field, 1),
        (revoke, 1),
        (time_passes, 3),
    )
}


class ForeignLock(RowLocks):
    """A transaction from a console that holds a row and says nothing; it is not idle."""

    def idles_too_long(self) -> bool:
        return False
