"""What travels through the queue: envelopes to the processes, outbound messages to the gateways.

An envelope is an event with its sender. A Celery task carries a list of them, all of one type. An outbound message
carries everything that one batch has to tell gateways: packets, encoded once, addressed to connections or topics.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import Event

T = TypeVar("T")

if TYPE_CHECKING:
    AnyEvent = Event
else:
    AnyEvent = catalogue.any_event()  # a closed union, so that a batch is decoded and checked in one pass


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event and where it came from.

    ``id`` follows the event from packet to reply through every log line. ``conn`` is the connection that is answered,
    ``session`` the session whose watermark counts (another connection may have begun it), ``at_ms`` when the gateway
    accepted it (milliseconds since 1970). ``token``: the hash of the token that the gateway minted for the connection.
    ``in_outbox``: the event stands in the outbox, and may be applied as long as it does. ``shard_key``: chooses the
    part of a queue that is split.
    """

    id: str
    event: AnyEvent
    at_ms: int
    conn: str = ""
    session: str = ""
    player: str = ""
    gateway: str = ""
    token: str = ""
    in_outbox: bool = False
    shard_key: str = ""

    @property
    def key(self) -> str:
        """The lane of the session: whose watermark counts."""
        return lane_key(self.session, self.event.spec.lane)

    @property
    def order(self) -> str:
        """What must stay in order with this: its lane; an event without a session stands alone."""
        return self.key if self.session else self.id


def lane_key(session: str, lane: str) -> str:
    """The name of one session's lane in the data tier."""
    return f"{session}/{lane}"


class Listed(msgspec.Struct, frozen=True, array_like=True):
    """A session that a gateway holds, by what the data tier knows."""

    conn: str
    session: str
    player: str


class SessionUpdate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the gateway has to do for a connection beside passing the packet on. It obeys, and need not understand.

    ``session`` and ``player``: the connection plays for these from now on. ``watch``: topics by slot, replacing those
    that the slot had. ``seq``: the session's highest applied number. ``then``: the event to send on behalf of the
    session once the topics are bound. ``close``: close the connection with this code after the packet. ``shard_key``:
    chooses the part of a split queue for the session's events. ``rejoined``: the player, who is ``player`` already, is
    in the world again after the gateway had been cut off from the queue; what waited for that may go. ``own_cell``: the
    watched topic in which the player itself is; where many watch a topic, those whose own cell is another hear of it
    less often (``Multicast.latest``).

    To a gateway itself, after its heartbeat: ``held``, how many sessions it holds by what the data tier knows, and
    ``roll``, those it has asked for; none are left when that is empty.
    """

    session: str = ""
    player: str = ""
    seq: int = 0
    watch: dict[str, tuple[str, ...]] = {}
    then: str = ""
    close: str = ""
    shard_key: str = ""
    rejoined: bool = False
    own_cell: str = ""
    held: int = 0
    roll: tuple[Listed, ...] | None = None


class Unicast(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """A packet for one connection. ``re``: the sequence number it answers, 0 when it is a notice.

    ``id``: for durable notices, so that a gateway tells a connection once. ``refused``: the packet is an error.
    ``not_now``: nothing happened, because the player was not in the world; once it is, the event may go again.
    """

    conn: str
    packet: bytes = b""
    re: int = 0
    lane: str = ""
    follow: SessionUpdate | None = None
    id: str = ""
    refused: bool = False
    not_now: bool = False


class Multicast(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """A packet for all connections that watch one of the topics ``to`` and none of ``unless``.

    ``latest``: of several with the same one only the last matters; "" if each does.
    """

    to: tuple[str, ...]
    packet: bytes
    unless: tuple[str, ...] = ()
    id: str = ""
    latest: str = ""


class Outbound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """All that one batch tells gateways; and that a process is done with it: the task's id and its event's name.

    ``began_ms``: when the process took the batch up (milliseconds since 1970), ``took_ms`` how long it worked on it.
    ``ask``: not a batch but a question, to be answered with a ``Report`` under this key; ``about``: an event's id.
    """

    unicasts: list[Unicast] = []
    multicasts: list[Multicast] = []
    done: str = ""
    task: str = ""
    began_ms: int = 0
    took_ms: float = 0.0
    ask: str = ""
    about: str = ""


# So many routing keys for all topics. What concerns many zones goes under many keys; RabbitMQ (before 3.11) compares
# each of them with each binding of the exchange: with a key for each zone that grew with the square of the world.
ROUTES = 64
MANY_ROUTES = ROUTES // 2  # who concerns more of them concerns nearly every gateway, and is told to all
GATEWAYS = "gateways"  # the routing key under which every gateway hears


@lru_cache(maxsize=16_384)
def routing_key(topic: str) -> str:
    """The broker's routing key for a topic: the one of ``ROUTES`` to which its zone (or channel) belongs by its name.

    Cells share their zone's. Who listens to a key hears of other zones too, and passes over what nobody watches.
    """
    name = topic.partition("/")[0].partition(".")[2]
    return f"topics.{crc32(name.encode()) % ROUTES}"


class _Parts(Outbound, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """An outbound message whose parts are not read yet."""

    unicasts: list[msgspec.Raw] = []  # type: ignore[assignment]
    multicasts: list[msgspec.Raw] = []  # type: ignore[assignment]


_outbound_encoder = msgspec.msgpack.Encoder()
_outbound_decoder = msgspec.msgpack.Decoder(Outbound)
_parts_decoder = msgspec.msgpack.Decoder(_Parts)
_direct_decoder = msgspec.msgpack.Decoder(Unicast)
_dispatch_decoder = msgspec.msgpack.Decoder(Multicast)


def encode_outbound(outbound: Outbound) -> bytes:
    """Encode for the gateways' queues."""
    return _outbound_encoder.encode(outbound)


def decode_outbound(body: bytes) -> tuple[Outbound, int]:
    """Decode what a process published, and count what of it can't be read. Raises ``msgspec.DecodeError``.

    A process of another version may say to one connection what this gateway does not understand; the others hear
    theirs.
    """
    try:
        return _outbound_decoder.decode(body), 0
    except msgspec.ValidationError:
        return _decode_each(_parts_decoder.decode(body))


def _decode_each(parts: _Parts) -> tuple[Outbound, int]:
    unicasts = list(_readable(parts.unicasts, _direct_decoder))
    multicasts = list(_readable(parts.multicasts, _dispatch_decoder))
    rest = {name: getattr(parts, name) for name in Outbound.__struct_fields__[2:]}
    lost = len(parts.unicasts) + len(parts.multicasts) - len(unicasts) - len(multicasts)
    return Outbound(unicasts=unicasts, multicasts=multicasts, **rest), lost


def _readable(parts: Sequence[msgspec.Raw], decoder: msgspec.msgpack.Decoder[T]) -> Iterator[T]:
    for part in parts:
        with suppress(msgspec.ValidationError):
            yield decoder.decode(part)


def task_body(batch: Sequence[Envelope | dict[str, Any]]) -> bytes:
    """The body of a Celery task (message protocol 2) that carries a batch."""
    return msgspec.json.encode(([batch], {}, None))


def read_batch(raw: Any) -> list[Envelope]:
    """The batch from a task's argument, read or half read. Raises ``msgspec.ValidationError``."""
    return msgspec.convert(raw, list[Envelope])


def describe(batch: Sequence[Envelope], most: int = 4) -> str:
    """Who does what, for Flower and logs; secrets left out. ``most`` events are spelled out."""
    shown = [_describe(envelope) for envelope in batch[:most]]
    more = [f"and {len(batch) - most} more"] if len(batch) > most else []
    return "; ".join(shown + more)


def _describe(envelope: Envelope) -> str:
    event = envelope.event
    hidden = event.spec.secrets | {"seq"}
    fields = [f"{name}={getattr(event, name)!r}" for name in event.__struct_fields__ if name not in hidden]
    return " ".join([envelope.player or envelope.gateway or "house", event.spec.name, *fields])
