"""When a question to all is answered: those who are expected end the wait, nobody else does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from amqp.exceptions import NotFound
from amqp.protocol import queue_declare_ok_t

from gameserver.broker.connections import Depth
from gameserver.broker.topology import Queues, possible_wholes, topology
from gameserver.errors import Retryable
from gameserver.limits import Limits
from gameserver.operations import inspector
from gameserver.operations.inspector import Inspector, _Answers, _Enough


def test_a_question_ends_with_the_last_of_those_who_are_expected() -> None:
    answers = _Answers(frozenset({"one@h", "two@h"}))
    answers.add_worker({"one@h": "metrics"})
    answers.add_worker({"three@h": "metrics"})
    with pytest.raises(_Enough):
        answers.add_worker({"two@h": "metrics"})
    assert answers.workers == dict.fromkeys(("one@h", "two@h", "three@h"), "metrics")


def test_a_question_to_nobody_known_never_ends_by_itself() -> None:
    answers = _Answers(frozenset())
    answers.add_worker({"one@h": "metrics"})
    assert answers.workers == {"one@h": "metrics"}


def test_what_is_no_text_is_no_answer() -> None:
    answers = _Answers(frozenset({"one@h"}))
    answers.add_worker({"one@h": {"error": "unknown command"}})
    assert answers.workers == {}


class FakeBroker:
    """A broker with some queues, which counts what it is asked. ``hangs``: it answers no more after the first one."""

    def __init__(self, *queues: str, hangs: bool = False) -> None:
        self.questions = self.channels = self.connections = 0
        self._queues = queues
        self._hangs = hangs
        self.thawed = Event()

    @contextmanager
    def connected(self, *_: Any) -> Iterator["FakeBroker"]:
        self.connections += 1
        yield self

    def channel(self) -> "FakeBroker":
        self.channels += 1
        return self

    def queue_declare(self, queue: str, *, passive: bool) -> queue_declare_ok_t:
        assert passive
        self.questions += 1
        if self._hangs:
            self.thawed.wait(60)
        if queue not in self._queues:
            raise NotFound
        return queue_declare_ok_t(queue, 7, 1)


def inspecting(broker: FakeBroker, monkeypatch: pytest.MonkeyPatch) -> Inspector:
    monkeypatch.setattr(inspector, "connected", broker.connected)
    return Inspector("amqp://nowhere")


def test_no_more_names_of_queues_are_asked_for_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part only where the one before it is; and each channel as long as the broker does not close it."""
    plan = topology(Limits(), Queues(own=frozenset({"give"}), split={"movement": 3, "trade.give": 2}))
    events = [queue.name for queue in plan.queues if queue.exchange == "events"]
    broker = FakeBroker(*events)
    found = inspecting(broker, monkeypatch).queue_depths(possible_wholes())
    assert found == dict.fromkeys(sorted(events, key=list(found).index), Depth(7, 1))
    wholes = [name for name in events if name.rpartition(".")[2] not in ("1", "2")]
    assert broker.questions == len(possible_wholes()) + len(wholes) + 3  # and once in vain after the last part of each
    assert broker.connections == inspector.LINES
    assert broker.channels <= broker.questions - len(events) + inspector.LINES


def test_whoever_has_waited_long_enough_waits_for_none_of_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = FakeBroker(hangs=True)

    class Over(Event):
        """Is set, and only then the broker answers."""

        def set(self) -> None:
            super().set()
            broker.thawed.set()

    def enough(*_: Any) -> None:
        raise Retryable("no_answer", "Nothing came of it.")

    monkeypatch.setattr(inspector, "Event", Over)
    before = signal.signal(signal.SIGALRM, enough)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Retryable):
            inspecting(broker, monkeypatch).queue_depths(possible_wholes())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert broker.questions <= inspector.LINES
