"""What processes report: a worker of a task, and a gateway of itself, in answer to a ``Query``.

A worker's report is the result of its task, so that Flower shows it and the worker's main process can count it. A
gateway's goes to whoever asked, through the exchange ``reports``.
"""

from typing import Any

import msgspec

_json = msgspec.json.Encoder().encode

# Outcomes of events that did not come to their end: each is counted again when it comes again or is given up.
GIVEN_UP = "dead_lettered"
COME_AGAIN = frozenset({"failed", "held", "left", "worker_died", "unread"})


class TaskReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a task.

    ``outcomes``: how many events ended how (``ok``, an error's code, ``repeated``, ``failed``, ``held``, ``left``,
    ``worker_died``, ``dead_lettered``, ``unread``); ``waited_ms``: since the first of them was accepted, by its
    sender's clock (less than 0: that is ahead); ``skew_ms``: this machine's clock less server time; ``cause`` and
    ``traceback``: why an event was given up or, where none was, put off; "" where none was put off by an error.
    """

    events: int
    outcomes: dict[str, int]
    waited_ms: int
    took_ms: float
    skew_ms: float = 0.0
    cause: str = ""
    traceback: str = ""

    @property
    def gave_up(self) -> bool:
        """Whether an event of it was given up."""
        return bool(self.outcomes.get(GIVEN_UP))

    @property
    def put_off(self) -> bool:
        """Whether an event of it comes again, in another task."""
        return not COME_AGAIN.isdisjoint(self.outcomes)

    def __repr__(self) -> str:
        """JSON, because Celery hands a result's text to Flower and to the worker's main process."""
        return _json(self).decode()


class EventTimes(msgspec.Struct, frozen=True, kw_only=True):
    """One event's way as a gateway knows it, milliseconds since 1970; 0 where it has not come so far."""

    id: str
    event: str
    player: str
    task: str
    accepted_ms: int
    published_ms: int
    began_ms: int = 0
    took_ms: float = 0.0
    done_ms: int = 0


class GatewayReport(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway's answer: its metrics in Prometheus' text form, and what it knows of the event asked about."""

    gateway: str
    metrics: str = ""
    times: list[EventTimes] = []


def encode(report: GatewayReport) -> bytes:
    """Encode for the way to whoever asked."""
    return _json(report)


_gateway_report = msgspec.json.Decoder(GatewayReport)
_task_report = msgspec.json.Decoder(TaskReport)


def read_gateway_report(body: bytes) -> GatewayReport:
    """Raises ``msgspec.DecodeError``."""
    return _gateway_report.decode(body)


def read_task_report(text: Any) -> TaskReport | None:
    """A task's result as Celery hands it on; ``None`` when it is not a report."""
    try:
        return _task_report.decode(text)
    except (msgspec.DecodeError, TypeError):
        return None
