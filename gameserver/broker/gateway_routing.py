"""How what is said to gateways is routed: keys, queues and priorities, for those who publish and those who bind.

Every key here is published by one process and bound by another. RabbitMQ drops what nobody has bound, so both must
compute the same text.
"""

from functools import lru_cache
from zlib import crc32

# So many routing keys for all topics. What concerns many zones goes under many keys; RabbitMQ (before 3.11) compares
# each of them with each binding of the exchange: with a key for each zone that grew with the square of the world.
ROUTES = 64
MANY_ROUTES = ROUTES // 2  # a message with more of them concerns nearly every gateway, and is sent to all
GATEWAYS = "gateways"  # the routing key that every gateway binds
TOPICS_KEPT = 16_384  # topics whose key is remembered

# In a gateway's own queue. A question is answered before the results that wait there: on quorum queues RabbitMQ 4.0 to
# 4.2 tells 5 and more from the rest, and a classic queue takes what is above its highest priority for that one.
RESULT_PRIORITY = 2
QUERY_PRIORITY = 9


def gateway_queue(gateway: str) -> str:
    """Name a gateway's own queue."""
    return f"gateway.{gateway}"


def gateway_key(gateway: str) -> str:
    """Name the routing key that one gateway alone binds."""
    return gateway_queue(gateway)


@lru_cache(maxsize=TOPICS_KEPT)
def routing_key(topic: str) -> str:
    """Compute the routing key of a topic: the one of ``ROUTES`` to which its zone (or channel) belongs by its name.

    Cells share their zone's. A gateway that binds a key receives other zones' messages too, and passes over what none
    of its connections watches.
    """
    return f"topics.{route(topic.partition('/')[0].partition('.')[2])}"


def route(name: str) -> int:
    """Number the routing key to which a zone or channel belongs."""
    return crc32(name.encode()) % ROUTES
