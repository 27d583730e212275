import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.declare.base import PRIORITY_MAX
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE, task_message
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions.events import Login
from tests.unit.messages import samples

# What https://docs.celeryq.dev/en/stable/internals/protocol.html asks of a task message's headers.
PROTOCOL_2 = {
    "lang",
    "task",
    "id",
    "root_id",
    "parent_id",
    "group",
    "retries",
    "eta",
    "expires",
    "timelimit",
    "argsrepr",
    "kwargsrepr",
    "origin",
    "ignore_result",
}


def walks(count: int) -> list[Envelope]:
    return [Envelope(id=f"s1:{n}", event=Move(dir="n", seq=n), at_ms=1, session="s1") for n in range(1, count + 1)]


@given(samples.any_event())
def test_a_message_has_what_a_celery_worker_needs(event: object) -> None:
    envelope = Envelope(id="c1:1", event=event, at_ms=1)  # type: ignore[arg-type]
    message = task_message([envelope], "g1")
    assert set(message.headers) >= PROTOCOL_2
    assert message.headers["task"] == envelope.event.spec.task
    assert message.headers["id"] == message.headers["root_id"] == message.task_id == "c1:1"
    assert (message.priority, message.persistent) == (envelope.event.spec.priority, envelope.event.spec.durable)
    assert 0 <= message.priority <= PRIORITY_MAX
    msgspec.json.encode(message.headers)


def test_the_body_is_arguments_keywords_and_embedded() -> None:
    args, kwargs, embed = msgspec.json.decode(task_message(walks(2), "g1").body)
    assert [raw["id"] for raw in args[0]] == ["s1:1", "s1:2"]
    assert (len(args), kwargs, embed) == (1, {}, None)


def test_the_body_is_what_its_content_type_says() -> None:
    assert (CONTENT_TYPE, CONTENT_ENCODING) == ("application/json", "utf-8")
    assert msgspec.json.decode(task_message(walks(1), "g1").body.decode(CONTENT_ENCODING))


@pytest.mark.parametrize(
    ("count", "attempts", "task_id"), [(1, 0, "s1:1"), (5, 0, "s1:1+4"), (1, 2, "s1:1~2"), (5, 2, "s1:1+4~2")]
)
def test_one_id_leads_from_a_packet_to_its_task(count: int, attempts: int, task_id: str) -> None:
    message = task_message(walks(count), "g1", attempts=attempts)
    assert (message.task_id, message.headers["attempts"]) == (task_id, attempts)


def test_a_given_id_is_kept() -> None:
    assert task_message(walks(1), "g1", task_id="mine").headers["id"] == "mine"


def test_what_is_published_again_is_another_task() -> None:
    assert [task_message(walks(n), "g1", copy=n).task_id for n in (1, 2)] == ["s1:1_1", "s1:1+1_2"]


@given(st.text(min_size=8, max_size=20).filter(lambda text: text not in "sessions login name password"))
def test_what_is_shown_holds_no_secret(password: str) -> None:
    login = Envelope(id="c1:1", event=Login(name="ada", password=password), at_ms=1)
    headers = task_message([login], "g1").headers
    assert password not in str(headers["argsrepr"])
