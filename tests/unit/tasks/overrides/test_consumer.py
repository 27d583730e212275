"""How much a worker prefetches on each version of RabbitMQ: Celery's own steps, on a broker that counts as one does.

The fake follows RabbitMQ's ``rabbit_channel.erl``: where a shared count is not permitted, a wish for one is taken, and
counts for each consumer that begins after it.
"""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from amqp.exceptions import AccessRefused, NotAllowed, NotFound, PreconditionFailed
from celery.exceptions import WorkerShutdown
from celery.worker import state
from celery.worker.consumer import consumer as celerys
from celery.worker.consumer.tasks import Tasks

from gameserver.broker.topology import QueueType, shares_prefetch, version
from gameserver.runtime.logging import Seldom
from tasks.overrides.consumer import TRIES, PromptConsumer

MULTIPLIER = 2
FAMILIES = ("chat", "combat", "movement")


class Channel:
    """A channel of RabbitMQ, and Celery's consumer of the queues on it."""

    def __init__(self, kind: QueueType, running: tuple[int, int], queues: tuple[str, ...]) -> None:
        self.permits = running < (4, 3)
        self.kind = kind
        self.queues = queues
        self.shared = 0
        self.of_new = 0
        self.of_consumer: dict[str, int] = {}
        self.begun = 0

    def basic_qos(self, prefetch_size: int, prefetch_count: int, a_global: bool) -> None:
        assert prefetch_size == 0
        if a_global and self.permits:
            self.shared = prefetch_count
        else:
            self.shared, self.of_new = 0, prefetch_count

    def qos(self, *, prefetch_count: int, apply_global: bool) -> None:
        self.basic_qos(0, prefetch_count, apply_global)

    def consume(self) -> None:
        assert not (self.shared and self.kind == "quorum"), "540 NOT_IMPLEMENTED: queue does not support global qos"
        self.of_consumer = dict.fromkeys(self.queues, self.of_new)
        self.begun += 1

    def cancel(self) -> None:
        self.of_consumer = {}

    def holds(self) -> int:
        """How many messages it sends at most, when all queues are full."""
        return self.shared or sum(self.of_consumer.values())


class Worker:
    """A worker's consumer, as far as its prefetch goes: the methods are Celery's and ours."""

    def __init__(
        self, kind: QueueType, queues: tuple[str, ...], *, children: int, bulkheads: bool = False, autoscale: int = 0
    ) -> None:
        self.kind, self.queues = kind, queues
        arguments = {"x-queue-type": "quorum"} if kind == "quorum" else {}
        known: Any = {name: SimpleNamespace(queue_arguments=arguments) for name in queues}
        amqp = SimpleNamespace(queues=_Queues(known), TaskConsumer=lambda *_, **__: self.channel)
        conf = SimpleNamespace(
            worker_detect_quorum_queues=True,
            worker_eta_task_limit=None,
            worker_disable_prefetch=False,
            worker_enable_prefetch_count_reduction=True,
            worker_cancel_long_running_tasks_on_connection_loss=True,
        )
        self.consumer: Any = object.__new__(PromptConsumer)
        self.consumer.__dict__.update(
            app=SimpleNamespace(amqp=amqp, conf=conf),
            pool=SimpleNamespace(num_processes=children),
            controller=SimpleNamespace(max_concurrency=autoscale or None),
            initial_prefetch_count=max(children, autoscale) * MULTIPLIER,
            prefetch_multiplier=MULTIPLIER,
            update_strategies=lambda: None,
            qos_global=None,
            _maximum_prefetch_restored=True,
            _bulkheads=bulkheads,
        )
        self.step = Tasks(self.consumer)

    def connect(self, running: tuple[int, int]) -> "Worker":
        self.channel = Channel(self.kind, running, self.queues)
        transport = SimpleNamespace(driver_type="amqp")
        connection: Any = _Connection(transport=transport, default_channel=self.channel, close=lambda: None)
        self.consumer.connection = connection
        self.consumer._arrange_prefetch(connection, shared=shares_prefetch(self.kind, running))
        self.step.start(self.consumer)
        self.channel.consume()
        self.consumer.qos.update()
        return self

    def lose_connection(self, monkeypatch: pytest.MonkeyPatch, at_work: int) -> None:
        request = SimpleNamespace(task=SimpleNamespace(acks_late=True), acknowledged=False, cancel=lambda pool: None)
        monkeypatch.setattr(celerys, "active_requests", [request] * at_work)
        self.consumer.on_connection_error_after_connected(ConnectionResetError())

    def grow(self, by: int) -> None:
        self.consumer.pool.num_processes += by
        self.consumer._update_prefetch_count(by)
        self.consumer.qos.update()


class _Queues(dict[str, Any]):
    @property
    def consume_from(self) -> dict[str, Any]:
        return self


class _Connection(SimpleNamespace):
    connection = None

    @property
    def qos_semantics_matches_spec(self) -> bool:
        return bool(self.transport.qos_semantics_matches_spec(self))

    def collect(self, socket_timeout: float) -> None:
        pass


SHARED: list[tuple[QueueType, tuple[int, int]]] = [("classic", (3, 10)), ("classic", (4, 0)), ("classic", (4, 2))]
EACH: list[tuple[QueueType, tuple[int, int]]] = [
    ("classic", (4, 3)),
    ("classic", (0, 0)),
    ("quorum", (3, 10)),
    ("quorum", (4, 0)),
    ("quorum", (4, 3)),
]


@pytest.mark.parametrize(("kind", "running"), SHARED)
def test_where_queues_can_share_a_count_a_worker_holds_twice_its_children_whatever_it_serves(
    kind: QueueType, running: tuple[int, int]
) -> None:
    worker = Worker(kind, FAMILIES, children=2).connect(running)
    assert worker.channel.holds() == 4
    worker.grow(1)
    assert worker.channel.holds() == 6
    assert worker.channel.begun == 1


@pytest.mark.parametrize(("kind", "running"), EACH)
def test_where_each_queue_has_its_own_a_worker_of_one_holds_as_many_and_of_several_none_more_at_hand(
    kind: QueueType, running: tuple[int, int]
) -> None:
    assert Worker(kind, ("chat",), children=2).connect(running).channel.holds() == 4
    assert Worker(kind, FAMILIES, children=2).connect(running).channel.holds() == 2 * len(FAMILIES)


@pytest.mark.parametrize(("kind", "running"), EACH)
def test_a_grown_pool_is_brought_work_where_a_consumer_keeps_the_count_that_it_began_with(
    kind: QueueType, running: tuple[int, int]
) -> None:
    worker = Worker(kind, ("chat",), children=1).connect(running)
    worker.grow(2)
    assert worker.channel.of_consumer == {"chat": 6}
    worker.grow(-1)
    assert worker.channel.of_consumer == {"chat": 4}


@pytest.mark.parametrize(("kind", "running"), EACH)
def test_after_a_reconnect_nothing_is_reduced_that_could_not_be_raised_again(
    kind: QueueType, running: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(kind, ("chat",), children=4).connect(running)
    worker.lose_connection(monkeypatch, at_work=3)
    assert worker.connect(running).channel.of_consumer == {"chat": 8}


def test_a_broker_that_comes_back_as_4_3_is_not_consumed_from_with_what_4_2_was_reduced_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker("classic", ("chat",), children=4).connect((4, 2))
    worker.lose_connection(monkeypatch, at_work=3)
    assert worker.consumer.initial_prefetch_count == 2
    assert worker.connect((4, 3)).channel.of_consumer == {"chat": 8}


@pytest.mark.parametrize(("kind", "running"), [*SHARED, *EACH])
def test_with_bulkheads_a_family_has_one_on_every_version_after_growth_and_reconnects(
    kind: QueueType, running: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(kind, FAMILIES, children=2, bulkheads=True).connect(running)
    worker.grow(1)
    worker.lose_connection(monkeypatch, at_work=1)
    worker.connect(running)
    assert worker.channel.of_consumer == dict.fromkeys(FAMILIES, 1)
    assert worker.channel.shared == 0


def test_an_autoscaled_worker_begins_with_enough_for_its_larger_number() -> None:
    worker = Worker("classic", ("chat",), children=1, autoscale=4).connect((4, 3))
    assert worker.channel.of_consumer == {"chat": 8}


def test_which_versions_share_a_count_is_read_from_what_the_broker_says_of_itself() -> None:
    said = {"3.10.8": True, "4.2.9": True, "4.3.0": False, "5.0.0": False, "": False}
    assert {text: shares_prefetch("classic", version({"version": text})) for text in said} == said


def refusing(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> list[float]:
    """Let the broker answer so, one after the other. Returns the pauses between."""
    left, slept = list(answers), list[float]()

    def connected(*_: Any) -> Any:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(celerys.Consumer, "ensure_connected", connected)
    monkeypatch.setattr("tasks.overrides.consumer.time.sleep", slept.append)
    return slept


def test_who_is_refused_says_why_and_tries_again_after_a_pause(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A password that was changed, a virtual host that somebody removed: Celery would begin anew at once, for ever."""
    slept = refusing(monkeypatch, AccessRefused("Login was refused"), NotAllowed("access refused"), "connected")
    consumer: Any = object.__new__(PromptConsumer)
    assert consumer.ensure_connected(SimpleNamespace(ensure_connection=print)) == "connected"
    assert slept == [TRIES["interval_max"]] * 2
    assert "The broker refuses the user of AMQP_URL" in caplog.text


def test_who_is_refused_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, AccessRefused("Login was refused"))
    monkeypatch.setattr(state, "should_stop", 0)
    consumer: Any = object.__new__(PromptConsumer)
    with pytest.raises(WorkerShutdown):
        consumer.ensure_connected(SimpleNamespace(ensure_connection=print))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (PreconditionFailed("inequivalent arg 'x-queue-type' for queue 'chat'"), "there with other arguments"),
        (NotFound("no exchange 'dead.sorted'"), "gameserver declare"),
    ],
)
def test_a_broker_that_has_something_otherwise_or_not_at_all_is_asked_again_after_a_pause(
    found: Exception, said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A queue that somebody made before: Celery began anew five times a second, with a traceback."""
    monkeypatch.setattr("tasks.overrides.consumer.refusals", Seldom(logging.getLogger("tasks.overrides.consumer")))
    slept = refusing(monkeypatch)
    connection = SimpleNamespace(connection=SimpleNamespace(server_properties={}))
    monkeypatch.setattr(celerys.Consumer, "connect", lambda _: connection)
    monkeypatch.setattr(PromptConsumer, "_arrange_prefetch", lambda *_, **__: None)
    answers = [found, found]
    monkeypatch.setattr(
        "tasks.overrides.consumer.ensure_topology", lambda *_: _raise(answers.pop()) if answers else None
    )
    assert object.__new__(PromptConsumer).connect() is connection
    assert slept == [TRIES["interval_max"]] * 2
    assert said in caplog.text


def _raise(error: Exception) -> None:
    raise error
