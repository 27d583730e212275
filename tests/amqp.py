"""How tests speak to the broker by themselves: with pika, which is simple where nothing else goes on."""

import pika

from gameserver.broker.urls import nodes


def parameters(amqp_url: str) -> list[pika.URLParameters]:
    """Return what a blocking connection of a test's own needs: it takes the first node that answers."""
    return [pika.URLParameters(node.url) for node in nodes(amqp_url)]
