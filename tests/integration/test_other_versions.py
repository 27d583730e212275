"""A message of another version on a real broker: it goes round until a worker takes it that knows it."""

import msgspec
import pika

from gameserver.addresses import parameters
from gameserver.events.message import CONTENT_ENCODING, CONTENT_TYPE, foreign_message
from gameserver.topology import DEAD, DELAYS_MS, EVENTS, delay_name
from tests.houses import House, eventually

DANCE = {"id": "s1:1", "event": {"type": "dance", "seq": 1}, "at_ms": 5, "conn": "c", "session": "s1", "gateway": "g"}
STEP = {**DANCE, "id": "s1:2", "event": {"type": "move", "dir": "n", "seq": 2, "speed": 3}}


def test_what_nobody_can_read_goes_round_and_does_not_die(house: House) -> None:
    worker = house.worker("combat", "movement", name="w")
    with pika.BlockingConnection(parameters(house.amqp_url)) as connection:
        channel = connection.channel()
        for task, queue, event in (("combat.dance", "combat", DANCE), ("movement.move", "movement", STEP)):
            message = foreign_message([event], task, "t", copy=0, attempts=0, priority=1)
            properties = pika.BasicProperties(
                content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING, headers=message.headers, delivery_mode=2
            )
            for _ in range(3):  # as their gateway would, that hears nothing
                channel.basic_publish(EVENTS, queue, message.body, properties)

        def waiting(name: str) -> int:
            count: int = channel.queue_declare(name, passive=True).method.message_count
            return count

        def all_taken() -> bool:
            return not waiting("combat") and not waiting("movement")

        for _ in range(2):
            eventually(lambda: all_taken() and waiting(delay_name(DELAYS_MS[-1])) == 2, lambda: worker.tail)
            eventually(lambda: waiting(delay_name(DELAYS_MS[-1])) < 2, "the delay", 12.0)
        assert waiting(DEAD) == 0
        worker.terminate()
        worker.wait()
        eventually(lambda: waiting("combat") == 1 and waiting("movement") == 1, "both back", 12.0)
        _, properties, body = channel.basic_get("combat")
        assert properties.headers["task"] == "combat.dance"
        assert msgspec.json.decode(body)[0] == [[DANCE]]
