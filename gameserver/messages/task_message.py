"""Celery's task message, protocol 2, built by hand: https://docs.celeryq.dev/en/stable/internals/protocol.html

Gateways and processes publish events without Celery's producer, by task name. What is set here is what a Celery worker
needs (``task``, ``id``), what Flower shows (``argsrepr``), and what follows an event through retries (``attempts``).
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gameserver.messages.envelope import Envelope, describe, task_body

CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"


class TaskMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message ready to be published. ``priority``: 0 to ``PRIORITY_MAX``, higher is more urgent.

    ``accepted_s``: since when its first event waits (seconds since 1970), so that the broker can tell a queue's age.
    """

    task_id: str
    headers: dict[str, Any]
    body: bytes
    priority: int
    persistent: bool
    accepted_s: int


class Tail(msgspec.Struct, frozen=True):
    """Events that follow a batch in its lanes and could not be read. ``copy``: how often they were put off."""

    raw: Sequence[dict[str, Any]]
    copy: int = 0

    @property
    def headers(self) -> dict[str, Any]:
        """The headers of a message that carries it."""
        return {"copy": self.copy} if self.raw else {}


NO_TAIL = Tail(())


def task_message(
    batch: Sequence[Envelope],
    origin: str,
    *,
    attempts: int = 0,
    copy: int = 0,
    task_id: str = "",
    tail: Tail = NO_TAIL,
) -> TaskMessage:
    """Make the message for a batch of events of one type.

    The task's id is that of its first event and how many more there are, so that one id leads from a packet to Flower.
    ``attempts``: how often these events were tried before. ``copy`` tells one that is published again from those before
    it: what an operator did to one task (a revoked id is refused by all workers, for ever) must not meet the next.
    ``tail``: what follows in these lanes and could not be read.
    """
    spec = batch[0].event.spec
    id_ = task_id or _task_id(batch, attempts, copy)
    return TaskMessage(
        task_id=id_,
        headers={**_headers(spec.task, id_, describe(batch), origin, attempts), **tail.headers},
        body=task_body([*batch, *tail.raw]),
        priority=spec.priority,
        persistent=spec.durable,
        accepted_s=batch[0].at_ms // 1000,
    )


def unread_message(
    raw: Sequence[Any], task: str, origin: str, *, copy: int, attempts: int, priority: int
) -> TaskMessage:
    """Make a message of events that this version can't read, as they are. ``copy``: how often they were put off."""
    first = raw[0]
    id_ = f"{first['id']}?{copy}"
    said = f"{len(raw)} events that could not be read"
    at_ms = first.get("at_ms")
    return TaskMessage(
        task_id=id_,
        headers={**_headers(task, id_, said, origin, attempts), "copy": copy},
        body=msgspec.json.encode(([raw], {}, None)),
        priority=priority,
        persistent=True,
        accepted_s=at_ms // 1000 if isinstance(at_ms, int) else 0,
    )


def _headers(task: str, id_: str, said: str, origin: str, attempts: int) -> dict[str, Any]:
    return {
        "lang": "py",
        "task": task,
        "id": id_,
        "root_id": id_,
        "parent_id": None,
        "group": None,
        "retries": 0,
        "eta": None,
        "expires": None,
        "timelimit": [None, None],
        "ignore_result": True,
        "origin": origin,
        "argsrepr": said,
        "kwargsrepr": "",
        "attempts": attempts,
    }


def _task_id(batch: Sequence[Envelope], attempts: int, copy: int) -> str:
    more = f"+{len(batch) - 1}" if len(batch) > 1 else ""
    copied = f"_{copy}" if copy else ""
    again = f"~{attempts}" if attempts else ""
    return f"{batch[0].id}{more}{copied}{again}"
