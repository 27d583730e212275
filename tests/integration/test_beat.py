"""Beat on a real broker: ticks are sent as long as somebody takes them."""

from gameserver.broker.topology import DEAD
from gameserver.runtime.healthcheck import alive_file
from gameserver.testing.deployment import Deployment
from gameserver.testing.processes import eventually
from tests.deployments import FAMILIES
from tests.integration.test_workers import declare, queue_length


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
