import json

import pytest

from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import CONTENT_TYPE, task_message
from gameserver.modules.movement.events import Move
from tasks.overrides.event_task import malformed

MESSAGE = task_message([Envelope(id="a", event=Move(dir="n"), at_ms=0)], "here")


def fault(headers=None, content_type=CONTENT_TYPE, body=MESSAGE.body) -> str:
    return malformed(MESSAGE.headers | (headers or {}), content_type, body)


def test_what_gateways_and_processes_publish_is_well_formed():
    assert fault() == ""


def test_what_beat_publishes_is_well_formed():
    body = json.dumps([[[{"id": "tick:1"}]], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    assert fault({"timelimit": [5, None]}, body=body.encode()) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"id": None},
        {"id": ""},
        {"id": 7},
        {"timelimit": "soon"},
        {"timelimit": [1]},
        {"timelimit": ["5", None]},
        {"timelimit": [1.5, None]},
        {"timelimit": [True, None]},
        {"eta": "2030-01-01T00:00:00"},
    ],
)
def test_headers_that_would_end_a_worker_are_seen(headers):
    assert fault(headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"[[[]], {}]",
        b"[[1, 2], {}, null]",
        b"[[[]], [], null]",
        b"not json",
        b"\xff\xfe",
        b"[" * 10_000,
        None,
        7,
    ],
)
def test_bodies_that_would_end_a_worker_are_seen(body):
    assert fault(body=body)


def test_a_content_type_that_nobody_reads_is_seen():
    assert fault(content_type="application/x-python-serialize")
    assert fault(content_type=None)
