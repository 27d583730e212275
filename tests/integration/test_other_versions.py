"""A message of another version on a real broker: it goes round until a worker takes it that knows it."""

import msgspec
import pika

from gameserver.broker.gateway_routing import gateway_key
from gameserver.broker.topology import DEAD, DELAYS_MS, EVENTS, OUTBOUND, delay_name
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE, unread_message
from gameserver.testing.deployment import Deployment
from gameserver.testing.processes import eventually
from tests.amqp import parameters
from tests.integration.tapped import Tap

DANCE = {"id": "s1:1", "event": {"type": "dance", "seq": 1}, "at_ms": 5, "conn": "c", "session": "s1", "gateway": "g"}
STEP = {**DANCE, "id": "s1:2", "event": {"type": "move", "dir": "n", "seq": 2, "speed": 3}}


def test_what_nobody_can_read_goes_round_and_does_not_die(deployment: Deployment) -> None:
    worker = deployment.worker("combat", "movement", name="w")
    delayed = Tap(deployment.amqp_url, delay_name(DELAYS_MS[-1]), "")

    def rounds(task: str) -> int:
        return max((headers["copy"] for _, headers, _ in delayed.look() if headers["task"] == task), default=0)

    with pika.BlockingConnection(parameters(deployment.amqp_url)) as connection:
        channel = connection.channel()
        for task, queue, event in (("combat.dance", "combat", DANCE), ("movement.move", "movement", STEP)):
            message = unread_message([event], task, "t", copy=0, attempts=0, priority=1)
            properties = pika.BasicProperties(
                content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING, headers=message.headers, delivery_mode=2
            )
            for _ in range(3):  # as their gateway would, that hears nothing
                channel.basic_publish(EVENTS, queue, message.body, properties)

        def waiting(name: str) -> int:
            count: int = channel.queue_declare(name, passive=True).method.message_count
            return count

        eventually(lambda: min(rounds("combat.dance"), rounds("movement.move")) >= 3, lambda: worker.tail, 40.0)
        eventually(lambda: waiting(delay_name(DELAYS_MS[-1])) == 2, "one copy of each", 40.0)
        assert waiting(DEAD) == 0
        worker.terminate()
        worker.wait()
        eventually(lambda: waiting("combat") == 1 and waiting("movement") == 1, "both back")
        _, properties, body = channel.basic_get("combat")
        assert properties.headers["task"] == "combat.dance"
        assert msgspec.json.decode(body)[0] == [[DANCE]]
    delayed.close()


def test_what_a_process_of_the_version_before_sends_by_an_old_name_is_done(deployment: Deployment) -> None:
    """``sweep`` and ``show`` were the world's: a beat and a worker of the version before send them so."""
    worker = deployment.worker("world", name="w")
    replies = Tap(deployment.amqp_url, OUTBOUND, gateway_key("g"))
    look = {**DANCE, "event": {"type": "look", "seq": 1}}  # of a session that there is not: it is answered, and no more
    beat = {"id": "sweep:7", "event": {"type": "sweep", "n": 7}, "at_ms": 5}
    with pika.BlockingConnection(parameters(deployment.amqp_url)) as connection:
        channel = connection.channel()
        for task, event in (("world.sweep", beat), ("world.look", look)):
            message = unread_message([event], task, "t", copy=0, attempts=0, priority=1)
            properties = pika.BasicProperties(
                content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING, headers=message.headers, delivery_mode=2
            )
            channel.basic_publish(EVENTS, "world", message.body, properties)
        eventually(replies.look, lambda: worker.tail)
        worker.terminate()
        worker.wait()
        for queue in ("world", delay_name(DELAYS_MS[-1]), DEAD):
            assert channel.queue_declare(queue, passive=True).method.message_count == 0, queue
    assert "world.sweep is the old name of sessions.sweep" in worker.tail
    replies.close()
