"""Showing events as they are published, and their replies, from copies in a queue of the reader's own.

The queue is removed with the connection, and it is bounded: a reader that is too slow misses the oldest messages.
Replies are shown for the events that were seen, as far as they go to a gateway that ran at the beginning.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from kombu import Consumer, Queue

from gameserver.broker.gateway_routing import GATEWAYS, gateway_key
from gameserver.broker.topology import EVENTS, OUTBOUND
from gameserver.messages.envelope import Envelope, describe
from gameserver.messages.outbound import BatchResult, decode_outbound
from gameserver.operations.inspector import Inspector, declare_exchanges, temporary_queue

PAUSE_S = 1.0  # without a message, until it is looked again: the broker is waited for no longer than a tool waits
KEPT_MAX = 10_000  # messages in the queue; events whose reply is waited for
_BOUNDED = {"x-max-length": KEPT_MAX, "x-overflow": "drop-head"}

_batch = msgspec.json.Decoder(tuple[tuple[list[Envelope]], dict[str, Any], Any])
_packet = msgspec.msgpack.Decoder(dict[str, Any])


class EventFormatter:
    """Formats messages as lines. ``player``: show this player's events only, in small letters; "" for all."""

    def __init__(self, player: str, clock_ms: Callable[[], int]) -> None:
        self._player = player
        self._clock_ms = clock_ms
        self._open: OrderedDict[tuple[str, int], Envelope] = OrderedDict()

    def format_task(self, body: bytes) -> list[str]:
        """Format the events of a published task."""
        try:
            ((batch,), _, _) = _batch.decode(body)
        except msgspec.DecodeError as fault:
            return [f"{_clock(self._clock_ms())}  unreadable: {fault}"]
        return [self._event(envelope) for envelope in batch if self._player in ("", envelope.player)]

    def _event(self, envelope: Envelope) -> str:
        self._open[envelope.conn, envelope.event.seq] = envelope
        if len(self._open) > KEPT_MAX:
            self._open.popitem(last=False)
        return f"{_clock(envelope.at_ms)}  {envelope.id}  {describe([envelope])}"

    def format_replies(self, body: bytes) -> list[str]:
        """Format the replies to events that were seen, from the result of a batch."""
        outbound, _ = decode_outbound(body)
        unicasts = outbound.unicasts if isinstance(outbound, BatchResult) else []
        answers = [direct for direct in unicasts if direct.re]
        found = [(self._open.pop((direct.conn, direct.re), None), direct.packet) for direct in answers]
        return [self._reply(envelope, packet) for envelope, packet in found if envelope is not None]

    def _reply(self, envelope: Envelope, packet: bytes) -> str:
        said = _packet.decode(packet)
        end = said.get("code") or said.get("type")
        now_ms = self._clock_ms()
        return f"{_clock(now_ms)}  {envelope.id}  -> {end}, after {max(0, now_ms - envelope.at_ms)} ms"


def follow(inspector: Inspector, queues: Sequence[str], *, player: str, clock_ms: Callable[[], int]) -> Iterator[str]:
    """Give lines until the broker does not answer; ``queues``: whose. Raises ``Retryable`` ``broker_away``."""
    gateways = [report.gateway for report in inspector.ask_about_event("-")]  # all of them answer
    formatter = EventFormatter(player, clock_ms)
    waiting: list[str] = []
    with inspector.connection() as connection, connection.channel() as channel:
        declare_exchanges(channel, EVENTS)
        tasks = _copies(channel, EVENTS, queues)
        replies = _copies(channel, OUTBOUND, (GATEWAYS, *map(gateway_key, gateways)))
        with (
            _consumer(channel, tasks, lambda body: waiting.extend(formatter.format_task(body))),
            _consumer(channel, replies, lambda body: waiting.extend(formatter.format_replies(body))),
        ):
            while True:
                try:
                    connection.drain_events(timeout=PAUSE_S)
                except TimeoutError:
                    declare_exchanges(channel, EVENTS)  # a broker that hangs does not answer this either
                yield from waiting
                waiting.clear()


def _copies(channel: Any, exchange: str, keys: Iterable[str]) -> Queue:
    """Declare a queue that receives a copy of what is published with these keys."""
    queue = temporary_queue(channel, _BOUNDED)
    for key in keys:
        queue.bind_to(exchange, routing_key=key)
    return queue


def _consumer(channel: Any, queue: Queue, take: Callable[[bytes], None]) -> Consumer:
    return Consumer(channel, [queue], on_message=lambda message: take(_raw(message)), no_ack=True)


def _raw(message: Any) -> bytes:
    body = message.body
    return body.encode() if isinstance(body, str) else bytes(body)


def _clock(at_ms: int) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(at_ms / 1000))}.{at_ms % 1000:03d}"
