"""What the broker refuses: a child gives its event back after a pause, and the worker takes no other before it may."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from amqp.exceptions import AccessRefused
from billiard.einfo import ExceptionWithTraceback
from billiard.exceptions import WorkerLostError
from celery.exceptions import Reject
from celery.worker.consumer import consumer as celerys
from celery.worker.request import Request

from gameserver.messages.readability import Sorted
from gameserver.runtime.logging import Seldom
from tasks import meters as module
from tasks.batches.database_wait import REFUSED_PAUSE_S, Patience
from tasks.batches.task_run import TaskRun
from tasks.meters import CountedRequest, comes_again
from tasks.overrides.consumer import PromptConsumer
from tasks.untold import PublishingRefusedError, Unpublishable, Untold, publishing


@pytest.fixture(autouse=True)
def undoubted(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("tasks.overrides.consumer.refusals", Seldom(logging.getLogger("tasks.overrides.consumer")))
    publishing.in_doubt = False
    yield
    publishing.in_doubt = False


def refused() -> None:
    raise Unpublishable("The broker refuses the user of AMQP_URL.")


@pytest.mark.parametrize(("left_s", "pause_s"), [(9.0, REFUSED_PAUSE_S), (0.5, 0.5), (-1.0, 0.0)])
def test_what_is_refused_is_given_back_after_a_pause_within_its_lease(left_s: float, pause_s: float) -> None:
    pauses: list[float] = []
    run = TaskRun("t", left_s, 0, 0.0, Sorted(batch=[], unread=[], junk=[]), 0)
    with pytest.raises(Untold) as given_back:
        Patience(lambda: 0.0, pauses.append).or_give_back(refused, run)
    assert (pauses, given_back.value.requeue) == ([pause_s], True)


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What is told of tasks; of what goes back to its queue Celery itself tells nothing."""
    told: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Request, "send_event", lambda self, type_, **fields: told.append((type_, fields)))
    monkeypatch.setattr(Request, "on_failure", lambda self, exc_info, *args, **more: None)
    monkeypatch.setattr(Request, "type", "chat.say")
    monkeypatch.setattr(module.meters, "ended", lambda task, end: None)
    return told


@pytest.mark.parametrize(
    "fault",
    [
        Reject("database is locked", requeue=True),
        WorkerLostError("signal 9"),
        ExceptionWithTraceback(WorkerLostError("signal 9"), None),
    ],
)
def test_what_goes_back_to_its_queue_is_told_as_tried_again_with_its_cause(
    fault: Exception, ended: list[tuple[str, dict[str, Any]]]
) -> None:
    made: Any = object.__new__(CountedRequest)
    made.on_failure(SimpleNamespace(exception=fault, traceback="Traceback"))
    ((type_, fields),) = ended
    assert type_ == "task-retried"
    assert fields["exception"] in ("database is locked", "WorkerLostError('signal 9')")
    assert not publishing.in_doubt


@pytest.mark.parametrize("fault", [Reject("nothing that can be read", requeue=False), ValueError("x")])
def test_what_does_not_come_again_is_not(fault: Exception, ended: list[tuple[str, dict[str, Any]]]) -> None:
    made: Any = object.__new__(CountedRequest)
    made.on_failure(SimpleNamespace(exception=fault, traceback=""))
    assert ended == []
    assert not comes_again(fault)


def test_a_lease_that_is_over_is_no_failure(
    ended: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Request, "on_timeout", lambda self, soft, timeout: self.send_event("task-failed", exception="TimeLimitExceeded")
    )
    made: Any = object.__new__(CountedRequest)
    made.on_timeout(False, 10)
    assert ended == [("task-retried", {"exception": "TimeLimitExceeded(10)"})]


def test_a_child_that_is_refused_has_its_worker_connect_anew_and_take_nothing_before_it_may(
    ended: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing.check()
    made: Any = object.__new__(CountedRequest)
    made.on_failure(SimpleNamespace(exception=Untold("refused", requeue=True), traceback=""))
    with pytest.raises(PublishingRefusedError):
        publishing.check()
    answers = [AccessRefused("write access refused"), None]
    slept: list[float] = []

    def try_publishing(_: Any) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    connection = SimpleNamespace(connection=SimpleNamespace(server_properties={}))
    monkeypatch.setattr(celerys.Consumer, "connect", lambda _: connection)
    monkeypatch.setattr(PromptConsumer, "_arrange_prefetch", lambda *_, **__: None)
    monkeypatch.setattr("tasks.overrides.consumer.ensure_topology", lambda *_: None)
    monkeypatch.setattr("tasks.overrides.consumer.try_publishing", try_publishing)
    monkeypatch.setattr("tasks.overrides.consumer.time.sleep", slept.append)
    consumer: Any = object.__new__(PromptConsumer)
    assert consumer.connect() is connection
    assert (answers, len(slept)) == ([], 1)
    publishing.check()


def test_what_ends_the_connection_by_a_refusal_has_it_made_anew_after_a_pause_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Celery's remote control is refused: it began anew fifty times a second."""
    slept: list[float] = []
    monkeypatch.setattr("tasks.overrides.consumer.time.sleep", slept.append)
    monkeypatch.setattr(celerys.Consumer, "on_connection_error_after_connected", lambda *_: None)
    connection = SimpleNamespace(connection=SimpleNamespace(server_properties={}))
    monkeypatch.setattr(celerys.Consumer, "connect", lambda _: connection)
    monkeypatch.setattr(PromptConsumer, "_arrange_prefetch", lambda *_, **__: None)
    monkeypatch.setattr("tasks.overrides.consumer.ensure_topology", lambda *_: None)
    monkeypatch.setattr("tasks.overrides.consumer.try_publishing", lambda *_: None)
    consumer: Any = object.__new__(PromptConsumer)
    for fault, pauses in ((ConnectionResetError(), 0), (AccessRefused("to celery.pidbox"), 1), (OSError(), 1)):
        consumer.on_connection_error_after_connected(fault)
        consumer.connect()
        assert len(slept) == pauses
    assert caplog.text.count("The broker refuses the user of AMQP_URL") == 1


@pytest.mark.parametrize(
    ("fault", "shown"), [(AccessRefused("x"), False), (PublishingRefusedError("x"), False), (OSError("x"), True)]
)
def test_of_a_refusal_celerys_own_line_is_left_out(
    fault: Exception, shown: bool, caplog: pytest.LogCaptureFixture
) -> None:
    celerys.warn("%s (%r)", "Connection to broker lost", fault)
    assert ("Connection to broker lost" in caplog.text) is shown
