"""What goes through an exchange."""

from typing import Any

import pika

from tests.amqp import parameters


class Tap:
    """A copy of everything that goes through an exchange under some keys."""

    def __init__(self, url: str, exchange: str, *keys: str) -> None:
        self._connection = pika.BlockingConnection(parameters(url))
        self._channel = self._connection.channel()
        self._queue = self._channel.queue_declare("", exclusive=True).method.queue
        for key in keys:
            self._channel.queue_bind(self._queue, exchange, key)
        self.seen: list[tuple[Any, dict[str, Any], bytes]] = []

    def look(self) -> list[tuple[Any, dict[str, Any], bytes]]:
        while (found := self._channel.basic_get(self._queue, auto_ack=True)) != (None, None, None):
            method, properties, body = found
            self.seen.append((method.routing_key, properties.headers or {}, body))
        return self.seen

    def close(self) -> None:
        self._connection.close()
