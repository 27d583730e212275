"""Events as they go by: a copy of what is published, through a queue of one's own that is gone with the connection.

Nothing is taken from anyone, and a reader that is too slow misses the oldest: the queue is bounded. Replies are shown
for the events that were seen, as far as they go to a gateway that was there at the beginning.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from kombu import Consumer

from gameserver.broker.routing import GATEWAYS, gateway_key
from gameserver.broker.topology import EVENTS, OUTBOUND
from gameserver.messages.envelope import Envelope, describe
from gameserver.messages.outbound import BatchResult, decode_outbound
from gameserver.operations.inspector import Inspector, declare, temporary

KEPT_MAX = 10_000  # messages in the queue; events whose reply is waited for
_BOUNDED = {"x-max-length": KEPT_MAX, "x-overflow": "drop-head"}

_batch = msgspec.json.Decoder(tuple[tuple[list[Envelope]], dict[str, Any], Any])
_packet = msgspec.msgpack.Decoder(dict[str, Any])


class Tail:
    """Turns what goes by into lines. ``player``: of whom alone, in small letters; "" for all."""

    def __init__(self, player: str, clock_ms: Callable[[], int]) -> None:
        self._player = player
        self._clock_ms = clock_ms
        self._open: OrderedDict[tuple[str, int], Envelope] = OrderedDict()

    def events(self, body: bytes) -> list[str]:
        """The lines for a published task."""
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

    def replies(self, body: bytes) -> list[str]:
        """The lines for what gateways are sent: the replies to events that were seen."""
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


def lines(inspector: Inspector, queues: Sequence[str], *, player: str, clock_ms: Callable[[], int]) -> Iterator[str]:
    """Lines without end. ``queues``: whose events. Raises ``Retryable`` (code ``broker_away``)."""
    gateways = [report.gateway for report in inspector.about("-")]  # roll-call
    seen = Tail(player, clock_ms)
    waiting: list[str] = []
    with inspector.connection() as connection, connection.channel() as channel:
        declare(channel, EVENTS)
        copies, answers = temporary(channel, _BOUNDED), temporary(channel, _BOUNDED)
        for queue in queues:
            copies.bind_to(EVENTS, routing_key=queue)
        for key in (GATEWAYS, *map(gateway_key, gateways)):
            answers.bind_to(OUTBOUND, routing_key=key)
        with (
            Consumer(channel, [copies], on_message=lambda m: waiting.extend(seen.events(bytes(_raw(m)))), no_ack=True),
            Consumer(
                channel, [answers], on_message=lambda m: waiting.extend(seen.replies(bytes(_raw(m)))), no_ack=True
            ),
        ):
            while True:
                connection.drain_events()
                yield from waiting
                waiting.clear()


def _raw(message: Any) -> bytes:
    body = message.body
    return body.encode() if isinstance(body, str) else body


def _clock(at_ms: int) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(at_ms / 1000))}.{at_ms % 1000:03d}"
