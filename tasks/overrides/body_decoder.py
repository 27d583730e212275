"""How a child reads the body of a task: straight into envelopes, not into dicts first.

Celery asks kombu's reader of JSON, which makes dicts and looks at each of them, and the task would make envelopes of
those: more work than to play some rules. What is no batch of envelopes is read as ever, and judged by the task.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from kombu.serialization import register
from kombu.utils import json

from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE

_batch = msgspec.json.Decoder(tuple[tuple[list[Envelope]], dict[str, Any], Any]).decode


def read_body(text: str | bytes) -> Any:
    """What a task's body holds, its batch as envelopes. Raises ``ValueError`` when it is no JSON at all."""
    try:
        return _batch(text)
    except (msgspec.MsgspecError, ValueError):  # (the second: a text that can't be told as UTF-8)
        return json.loads(text)


def read_batches(read: Callable[[str | bytes], Any] = read_body) -> None:
    """From now on this process reads batches so, in whatever comes as JSON."""
    register("json", json.dumps, read, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING)
