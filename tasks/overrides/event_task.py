"""The base of all tasks: what a worker does with a message before a child sees it.

Celery trusts its producers: a message without an id, or whose body is not a list of three, ends the whole worker, goes
back to the queue and ends the next one. Here such a message is told from an event before Celery reads it, and goes to
the dead letters.
"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec
from celery import Task

log = logging.getLogger(__name__)

_READERS: dict[str, Callable[[bytes], Any]] = {
    "application/json": msgspec.json.Decoder(tuple[tuple[msgspec.Raw], dict[str, Any], Any]).decode,
    "application/x-msgpack": msgspec.msgpack.Decoder(tuple[tuple[msgspec.Raw], dict[str, Any], Any]).decode,
}


class EventTask(Task):
    """A task that carries events."""

    Request = "tasks.meters:CountedRequest"
    resultrepr_maxsize = 16_384  # characters of a report, which may hold a traceback (Celery cuts off at 1,024)

    def start_strategy(self, app: Any, consumer: Any, **options: Any) -> Callable[..., Any]:
        """Celery's own handler of arrived messages, behind a look at each."""
        inner = super().start_strategy(app, consumer, **options)

        def handle(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **more: Any) -> Any:
            fault = malformed(message.headers, message.content_type, message.body)
            if fault:
                log.error("a message of %s is malformed (%s) and goes to the dead letters", self.name, fault)
                return reject(log, consumer.connection_errors, False)
            _spare_reading(message)
            return inner(message, body, ack, reject, callbacks, **more)

        return handle


def _spare_reading(message: Any) -> None:
    """Let Celery's main process believe that it has read the body, of which it needs nothing.

    It would decode the whole batch, and hand it to the child decoded as well as it came; the child reads it anyway.
    What `inspect` shows as arguments is the description that the message carries.
    """
    message._decoded_cache = ([message.headers.get("argsrepr", "")], {}, {})


def malformed(headers: dict[str, Any], content_type: str, body: Any) -> str:
    """What is wrong with a message, "" if nothing that would hurt a worker."""
    if not isinstance(headers.get("id"), str) or not headers["id"]:
        return "no id"
    if not _is_time_limit(headers.get("timelimit")):
        return "bad timelimit"
    if headers.get("eta") is not None:
        return "an eta: events are not held in workers"
    read = _READERS.get(content_type)
    if read is None:
        return f"content type {content_type!r}"
    try:
        read(body.encode() if isinstance(body, str) else body)
    except (msgspec.MsgspecError, RecursionError, TypeError, ValueError):
        return "the body is not [[batch], {}, null]"
    return ""


def _is_time_limit(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, list | tuple) and len(value) == 2 and all(v is None or type(v) is int for v in value)
