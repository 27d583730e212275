"""Sorts batches of another version of the code into what can be read here and what can't.

An event type may have been added or removed, or have other fields, while processes of both versions take from the same
queues. What can't be read takes along what follows it in its lane; the rest of the batch is applied. Where events that
can be read precede it in its lane, it is that lane's tail, and goes on after them, wherever they go.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gameserver.declare import catalogue
from gameserver.messages.envelope import Envelope, lane_key

_SPECS = {spec.name: spec for spec in catalogue.specs()}


class Sorted(msgspec.Struct, frozen=True, kw_only=True):
    """A sorted batch. ``unread``: what can't be read and what follows it, in order; ``junk``: what is no event at all.

    ``tails``: what is unread and follows events of the batch in their lane, by that (``Envelope.order``), in order.
    """

    batch: list[Envelope]
    unread: list[dict[str, Any]]
    junk: list[Any]
    tails: dict[str, list[dict[str, Any]]] = {}


def moved_to(task: str) -> str:
    """Return the task of an event that another version declares in another family; "" where this one has none.

    An event is known by its own name, which no other has, in clients' packets and in the outbox too.
    """
    spec = _SPECS.get(task.rpartition(".")[2])
    return spec.task if spec and "." in task else ""


def sort_out(raw: Any, task: str) -> Sorted:
    """Sort what came as the argument of a task, read or half read."""
    try:
        return Sorted(batch=msgspec.convert(raw, list[Envelope]), unread=[], junk=[])
    except msgspec.ValidationError:
        return _sort_each(raw, _lane_of(task)) if isinstance(raw, list | tuple) else _junk([raw])


def all_unread(raw: Any) -> Sorted:
    """Sort the argument of a task that this version does not know."""
    every = raw if isinstance(raw, list | tuple) else [raw]
    return Sorted(
        batch=[],
        unread=[msgspec.to_builtins(one) for one in every if _is_event(one)],
        junk=[one for one in every if not _is_event(one)],
    )


def _lane_of(task: str) -> str:
    spec = _SPECS.get(task.rpartition(".")[2])
    return spec.lane if spec else ""


def _junk(raw: list[Any]) -> Sorted:
    return Sorted(batch=[], unread=[], junk=raw)


def _sort_each(raw: Sequence[Any], lane: str) -> Sorted:
    found = Sorted(batch=[], unread=[], junk=[])
    by_lane: dict[str, list[dict[str, Any]]] = {}  # by lane, where what can't be read of it is to stand
    for one in raw:
        envelope = _read(one)
        if envelope is not None and envelope.order not in by_lane:
            found.batch.append(envelope)
        elif envelope is not None or _is_event(one):
            order = envelope.order if envelope else _order(one, lane)
            by_lane.setdefault(order, _place(found, order)).append(msgspec.to_builtins(one))
        else:
            found.junk.append(one)
    return found


def _place(found: Sorted, order: str) -> list[dict[str, Any]]:
    """Choose the list for the first of a lane that can't be read."""
    if all(envelope.order != order for envelope in found.batch):
        return found.unread
    return found.tails.setdefault(order, [])


def _read(one: Any) -> Envelope | None:
    try:
        return msgspec.convert(one, Envelope)
    except msgspec.ValidationError:
        return None


def _is_event(one: Any) -> bool:
    """Whether it has what every version's envelopes have."""
    if isinstance(one, Envelope):
        return True
    named = isinstance(one, dict) and isinstance(one.get("id"), str) and isinstance(one.get("event"), dict)
    return named and isinstance(one["event"].get("type"), str)


def _order(one: dict[str, Any], lane: str) -> str:
    session = one.get("session")
    return lane_key(session, lane) if session and isinstance(session, str) else str(one["id"])


def is_awaited(one: dict[str, Any]) -> bool:
    """Whether anybody waits for it: a client, or the outbox. Ticks and heartbeats are sent again anyway."""
    return bool(one.get("conn") or one.get("in_outbox"))
