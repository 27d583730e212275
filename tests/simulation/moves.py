"""The adversary's moves: a table of what may happen to the house at any moment, with how often beside the others."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from gameserver.messages.task_message import TaskMessage
from gameserver.modules.movement.entities import Player
from gameserver.rules.outcome import Waiting
from tests.simulation.beats import Beat
from tests.simulation.memory_store import MemoryTransaction
from tests.simulation.parcels import FAMILIES

SKEWS_MS = (-600_000, -90_000, -10_000, -1_500, 0, 1_500, 10_000, 40_000, 600_000)
OUTAGES_S = (1.0, 4.0, 8.0, 20.0, 40.0)
LOCKS_S = (1.0, 5.0, 20.0, 90.0)
STRETCHES_S = (2.0, 7.0, 20.0, 30.0)


class Move(NamedTuple):
    """``weight``: how often, beside the others that a story knows."""

    play: Callable[[Any], None]
    weight: int


def cut(house: Any) -> None:
    """A gateway loses its broker, perhaps with what the broker held for it."""
    n = house.any_gateway()
    if house.brokers[n].up:
        house.cut(n, forget=house.rng.random() < 0.5)


def mend(house: Any) -> None:
    """A gateway finds its broker again."""
    house.mend(house.any_gateway())


def restart_broker(house: Any) -> None:
    """The broker dies and comes back: transient messages are lost, batches at work are delivered again."""
    for n in range(len(house.brokers)):
        house.cut(n, forget=False)
    house.parcels.restart()
    house.parcels.away_until_s = house.now_s() + house.rng.choice((0.0, 2.0, 10.0))


def kill_gateway(house: Any) -> None:
    """A gateway dies without a word; another comes up in its place."""
    house.kill_gateway(house.any_gateway())


def hang_up(house: Any) -> None:
    """A client's connection breaks."""
    house.rng.choice(house.players).hang_up()


def visitor(house: Any) -> None:
    """Someone comes in who does not stay."""
    house.visit()


def visitor_leaves(house: Any) -> None:
    """The last who came is gone for good, whatever was under way."""
    for one in house.visitors[-1:]:
        one.leave()


def family_away(house: Any) -> None:
    """Nobody serves a family for a while."""
    _while(house, house.parcels.served_again_s, house.rng.choice(FAMILIES))


def _while(house: Any, until_s: dict[str, float], family: str) -> None:
    """It lasts, and perhaps everyone lives through it."""
    until_s[family] = house.soon(OUTAGES_S)
    if house.rng.random() < 0.5:
        house.live(until_s[family] - house.now_s())


def queue_full(house: Any) -> None:
    """A family's queue refuses."""
    _while(house, house.parcels.full, house.rng.choice(FAMILIES))


def queue_missing(house: Any) -> None:
    """A family's queue is not there: what is published comes back."""
    _while(house, house.parcels.missing, house.rng.choice(FAMILIES))


def database_away(house: Any) -> None:
    """The database does not answer."""
    house.database_back_s = house.soon(OUTAGES_S)


def foreign_lock(house: Any) -> None:
    """Someone holds a player's row from a console."""
    rows = sorted(house.store.things[Player])
    if rows and not house.store.one_writer:
        key = Player, house.rng.choice(rows)
        if key not in house.store.locks:
            until_s = house.soon(LOCKS_S)
            house.hold(key, until_s)
            if house.rng.random() < 0.5:
                house.live(until_s - house.now_s())


def freeze_worker(house: Any) -> None:
    """A worker at work freezes; its batch is delivered again while it still sits on it."""
    busy = [p for p in house.processes.all if p.strand is not None]
    if busy:
        process = house.rng.choice(busy)
        process.frozen_until_s = house.soon(OUTAGES_S)
        if process.parcel.held is process:
            process.parcel.held = None
            process.parcel.redelivered = True


def kill_worker(house: Any) -> None:
    """A worker at work dies."""
    busy = [p for p in house.processes.all if p.strand is not None]
    if busy:
        house.processes.kill(house.rng.choice(busy))


def skew(house: Any) -> None:
    """Somebody's clock is set, forward or back."""
    clocks = [*house.gateway_clocks, *house.beats]
    house.rng.choice(clocks).skew_ms = house.rng.choice(SKEWS_MS)


def second_beat(house: Any) -> None:
    """Another beat runs beside the first, by a clock of its own."""
    if len(house.beats) < 2:
        house.beats.append(Beat(house))
        house.beats[-1].skew_ms = house.rng.choice(SKEWS_MS)


def kill_beat(house: Any) -> None:
    """A beat is gone."""
    if house.beats:
        house.beats.remove(house.rng.choice(house.beats))


def foreign_rows(house: Any) -> None:
    """The release after this one was here, and rolled back: it left rows that nobody can read."""
    kind, body = house.rng.choice(FOREIGN_BODIES)
    house.foreign += 1
    id_ = f"tomorrow:{house.foreign}/e0"
    now_ms = house.now_ms()
    house.foreign_rows.add(id_)
    house.store.outbox.setdefault(id_, (Waiting(id_, kind, "", body), now_ms, now_ms))


def foreign_field(house: Any) -> None:
    """A gateway of the next release says more about an event than today's catalogue knows."""
    found = [p for p in house.parcels.waiting if p.held is None and p.family not in ("world", "sessions")]
    if found:
        parcel = house.rng.choice(found)
        (batch,), more, last = msgspec.json.decode(parcel.message.body)
        one = house.rng.choice(batch)
        one["event"]["mood"] = "cheerful"
        house.foreign_events.add(one["id"])
        parcel.message = _with_body(parcel.message, msgspec.json.encode(([batch], more, last)))


def _with_body(message: TaskMessage, body: bytes) -> TaskMessage:
    return replace(message, body=body)


def revoke(house: Any) -> None:
    """An operator revokes a task by its id, and every worker throws away what comes under it."""
    found = [p for p in house.parcels.waiting if p.family not in ("world",)]
    if found:
        house.parcels.revoked.add(house.rng.choice(found).message.task_id)


def time_passes(house: Any) -> None:
    """A while in which players wait."""
    house.live(house.rng.choice(STRETCHES_S))


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


class ForeignLock(MemoryTransaction):
    """A transaction from a console that holds a row and says nothing; it is not idle."""

    def idles_too_long(self) -> bool:
        return False
