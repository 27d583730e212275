"""The worker's consumer, which comes back to a broker sooner than Celery's, and declares all that processes speak to.

Celery waits 2, 4, 6, ... up to 30 seconds between its tries; no setting changes that, and a game can't wait so long. It
declares the queues it consumes; what events are told, delayed and buried through must stand too, whoever comes first.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from celery import bootsteps
from celery.worker import state
from celery.worker.consumer import Consumer
from click import Option

from gameserver import config
from gameserver.broker.connections import REFUSALS, blame
from gameserver.broker.declare_queues import ensure_topology, try_publishing
from gameserver.broker.topology import offered, shares_prefetch, topology, version
from gameserver.runtime.logging import Seldom
from tasks.overrides.ack_timeout import LOOK_EVERY_S, HeldMessages, held_s_max
from tasks.unread_messages import Strategies
from tasks.untold import LOOK_EVERY_S as LOOK_AT_PUBLISHING_EVERY_S
from tasks.untold import PublishingRefusedError, publishing

log = logging.getLogger(__name__)
refusals = Seldom(log)

T = TypeVar("T")

EVENTS_EVERY_S = 0.5
TRIES = {"interval_start": 0.2, "interval_step": 0.3, "interval_max": 2.0}  # seconds


# Workers are ignorant of each other: no talk among them at start (mingle) or later (gossip), which would cost each of
# them time for every other.
ALONE = {"without_gossip": True, "without_mingle": True}


class Bulkheads(bootsteps.Step):
    """What ``celery worker --bulkheads`` does: no family of a worker's has more than one batch there at a time.

    So one whose batches hang, or kill their child, holds one child, and the others go on with the rest.
    """

    option = Option(("--bulkheads",), is_flag=True, help="Take one batch of each queue at a time, none at hand.")

    def __init__(self, worker: Any, bulkheads: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        worker.bulkheads = bulkheads


def _check(held: HeldMessages) -> None:
    held.check(tuple(state.reserved_requests), time.monotonic())


def _until_it_may(work: Callable[[], T]) -> T:
    """Do it, also where the broker refuses us, lacks something or has it otherwise: somebody may mend that.

    Celery takes a refusal for the end of its consumer, and begins anew, without a pause.
    """
    while True:
        try:
            return work()
        except REFUSALS as refused:
            _say_and_wait(refused)


def _say_and_wait(refused: Exception) -> None:
    refusals.warning("%s Trying again every %d seconds.", blame(refused).message, TRIES["interval_max"])
    state.maybe_shutdown()
    time.sleep(TRIES["interval_max"])


class SaidOnce(logging.Filter):
    """Leaves out what Celery logs of a refusal, each time: it is said once a minute, with what to do."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is about anything else."""
        about = record.args if isinstance(record.args, tuple) else ()
        return not any(isinstance(each, (*REFUSALS, PublishingRefusedError)) for each in about)


logging.getLogger("celery.worker.consumer.consumer").addFilter(SaidOnce())


class PromptConsumer(Consumer):
    """Celery's consumer, with shorter pauses between its tries to connect, and without talk among workers."""

    Strategies = Strategies
    _refusal: BaseException | None = None  # what ended the last connection

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, **ALONE})
        self._events_due = False
        self._bulkheads = getattr(self.controller, "bulkheads", False)
        self._shared = False

    class Blueprint(Consumer.Blueprint):
        """Celery's steps but one: queues for delayed tasks, which no event uses.

        With quorum queues it would declare 28 on every node of the broker before the first event is taken, and would
        wait for those that are down.
        """

        default_steps = [step for step in Consumer.Blueprint.default_steps if "delayed_delivery" not in step]

    def on_send_event_buffered(self) -> None:
        """Something was told of a task: Flower hears of it a moment later, with all that was told by then.

        Celery sends three messages for each task, which cost worker, broker and Flower more than some tasks do.
        """
        if self.hub and not self._events_due:
            self._events_due = True
            self.hub.call_later(EVENTS_EVERY_S, self._tell_events)

    def _tell_events(self) -> None:
        self._events_due = False
        self._flush_events()

    def connect(self) -> Any:
        """Connect, and make the topology stand."""
        self._events_due = False  # a timer that was set before is gone with the old connection
        if isinstance(self._refusal, REFUSALS):
            _say_and_wait(self._refusal)
        connection = super().connect()
        settings = config.load()
        running = version(connection.connection.server_properties)
        log.info("RabbitMQ %d.%d, %s", *running, offered(settings.queues.type, running))
        self._arrange_prefetch(connection, shared=shares_prefetch(settings.queues.type, running))
        _until_it_may(partial(ensure_topology, connection, topology(settings.limits, settings.queues)))
        if publishing.in_doubt:
            _until_it_may(partial(try_publishing, connection))
            publishing.in_doubt = False
        return connection

    def on_connection_error_after_connected(self, exc: BaseException) -> None:
        """Learn what ended the connection: what the broker refuses to this process it may refuse to its children."""
        self._refusal = exc
        publishing.in_doubt |= isinstance(exc, REFUSALS)
        super().on_connection_error_after_connected(exc)

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, however long it takes."""
        conn.ensure_connection = partial(conn.ensure_connection, **TRIES)
        return _until_it_may(partial(super().ensure_connected, conn))

    def register_with_event_loop(self, hub: Any) -> None:
        """Begin to look at what is held, with each connection."""
        super().register_with_event_loop(hub)
        held = HeldMessages(held_s_max(), before=tuple(state.reserved_requests))
        hub.call_repeatedly(LOOK_EVERY_S, _check, held)
        hub.call_repeatedly(LOOK_AT_PUBLISHING_EVERY_S, publishing.check)

    def _arrange_prefetch(self, connection: Any, *, shared: bool) -> None:
        """Count what is prefetched for all queues of this worker, where the broker can, or else for each by itself.

        A shared count follows the pool: Celery changes it. Kombu would use none from RabbitMQ 4.0 on, though 4.0 to
        4.2 can: a worker of six queues would hold six messages for its one child.
        """
        self._shared = shared and not self._bulkheads
        log.info("prefetch is counted %s", "for all queues together" if self._shared else "for each queue by itself")
        connection.transport.qos_semantics_matches_spec = lambda _: not self._shared
        if not self._shared:
            # Also what a connection to another version has left reduced: nothing would raise it again.
            self.initial_prefetch_count = self._prefetch_of_a_queue()
            self._maximum_prefetch_restored = True

    def _prefetch_of_a_queue(self) -> int:
        """Return how many messages of a queue may be here, where each queue has a count of its own.

        As many as there are children, and as many at hand if there is no other queue from which some would be.
        """
        if self._bulkheads:
            return 1
        children = max(self.pool.num_processes, self.controller.max_concurrency or 0)
        return children * (self.prefetch_multiplier if len(self.app.amqp.queues.consume_from) == 1 else 1)

    def _update_prefetch_count(self, index: int = 0) -> Any:
        """Take as much as the pool needs that has grown or shrunk: with bulkheads that changes nothing."""
        if self._shared:
            return super()._update_prefetch_count(index)
        wanted = self._prefetch_of_a_queue()
        if wanted != self.initial_prefetch_count:
            self.initial_prefetch_count = self.qos.value = wanted
            self._consume_anew()
        return wanted

    def _consume_anew(self) -> None:
        """Consume with the present count: a consumer keeps the one that it began with. What is here stays here."""
        self.qos.update()
        self.task_consumer.cancel()
        self.task_consumer.consume()
