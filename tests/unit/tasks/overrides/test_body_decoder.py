from json import JSONDecodeError
from unittest.mock import Mock

import pytest
from kombu.serialization import dumps, loads, registry
from kombu.utils import json as kombus

from gameserver.messages.envelope import Envelope, read_batch, task_body
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE
from gameserver.modules.movement.events import Move
from tasks import celery_app
from tasks.beat import pulse
from tasks.overrides.body_decoder import read_body

BATCH = [Envelope(id=f"s:{seq}", event=Move(dir="n", seq=seq), at_ms=7, session="s") for seq in (1, 2)]


def test_a_batch_is_read_into_envelopes_at_once():
    ((batch,), options, embedded) = read_body(task_body(BATCH).decode())
    assert (batch, options, embedded) == (BATCH, {}, None)
    assert all(type(envelope) is Envelope for envelope in batch)
    assert read_batch(batch) == BATCH  # what the task makes of it


def test_what_beat_publishes_is_read_too():
    tick = pulse("tick", 0.5)
    _, _, text = dumps([[tick], {}, {"callbacks": None}], serializer="json")
    ((batch,), _, embedded) = read_body(text)
    assert batch == read_batch(tick)
    assert embedded == {"callbacks": None}


@pytest.mark.parametrize(
    "body",
    [
        '[[[{"id": "a", "event": {"type": "no such event"}, "at_ms": 0}]], {}, null]',
        '[[[{"id": "a"}]], {}, null]',
        '{"method": "ping", "arguments": {}}',
        '[[["\\ud800"]], {}, null]',
        "7",
    ],
)
def test_anything_else_is_read_as_kombu_reads_it(body):
    assert read_body(body) == kombus.loads(body)


@pytest.mark.parametrize("body", ["", "[", "no json", "\ud800"])
def test_what_is_no_json_is_refused_as_ever(body):
    with pytest.raises(JSONDecodeError):
        read_body(body)


def test_a_child_reads_all_its_bodies_so(monkeypatch):
    for known in ("_encoders", "_decoders", "type_to_name", "name_to_type"):
        monkeypatch.setattr(registry, known, dict(getattr(registry, known)))
    for part in ("build", "freeze_gc", "meters"):
        monkeypatch.setattr(celery_app, part, Mock())
    monkeypatch.setattr(celery_app, "_processor", None)
    assert not _reads_envelopes()
    celery_app._begin()
    assert _reads_envelopes()
    assert loads(dumps({"a": 1}, serializer="json")[2], CONTENT_TYPE, CONTENT_ENCODING) == {"a": 1}


def _reads_envelopes() -> bool:
    ((batch,), _, _) = loads(task_body(BATCH), CONTENT_TYPE, CONTENT_ENCODING)
    return batch == BATCH
