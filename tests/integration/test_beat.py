"""Beat on a real broker: ticks are sent as long as somebody takes them, and leave the dead messages' room to events."""

import pika
import pytest

from gameserver.broker.topology import DEAD, DEAD_TICKS, EVENTS
from gameserver.runtime.healthcheck import alive_file
from gameserver.testing.deployment import Deployment
from gameserver.testing.processes import eventually
from tests.deployments import FAMILIES
from tests.integration.test_workers import channel, declare, queue_length


def test_ticks_that_nobody_takes_are_not_sent_and_begin_again_with_a_worker(deployment: Deployment) -> None:
    declare(deployment)
    beat = deployment.beat()
    alive = alive_file(deployment.settings.var)
    eventually(alive.exists, "beat's sign of life")
    looks: set[int] = set()
    eventually(lambda: looks.add(alive.stat().st_mtime_ns) or len(looks) > 4, "a few of its looks")
    assert (queue_length(deployment, "world"), queue_length(deployment, DEAD)) == (0, 0)
    worker = deployment.worker(*FAMILIES, name="all")
    eventually(lambda: "world.tick" in worker.text or beat.died_unasked, "a tick at the worker")
    assert not beat.died_unasked


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_ticks_that_die_in_their_queue_take_no_room_among_dead_events(deployment: Deployment, kind: str) -> None:
    """Workers that live and wait for a locked database take none: an hour of that pushed all events out of ``dead``."""
    deployment.environ["GAMESERVER_QUEUE_TYPE"] = kind
    declare(deployment)
    with channel(deployment.amqp_url) as stuck:
        stuck.queue_bind(DEAD, DEAD, "")  # as a version before had it
        declare(deployment)
        stuck.basic_qos(prefetch_count=1)
        stuck.basic_publish(EVENTS, "world", b"an event", pika.BasicProperties(delivery_mode=2))
        stuck.basic_consume("world", lambda *_: None)
        deployment.beat()
        eventually(lambda: queue_length(deployment, DEAD_TICKS) > 1, "ticks that nobody took", 30)
    # The broker has the event back, and then whoever takes it refuses it.
    with channel(deployment.amqp_url) as refusing:
        refused = refusing.consume("world", inactivity_timeout=10)
        tag = next(method.delivery_tag for method, _, body in refused if body == b"an event")
        refusing.basic_reject(tag, requeue=False)
        eventually(lambda: queue_length(deployment, DEAD) == 1, "the event")
