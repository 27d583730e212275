"""What travels to the gateways: the result of a batch, or a question.

A process publishes one ``BatchResult`` for each batch: packets, encoded once, addressed to connections or topics, and
what gateways have to do beside passing them on. An operator's command publishes a ``Query``.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec

T = TypeVar("T")


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
    less often (``Multicast.conflation_key``).

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

    ``conflation_key``: of several with the same key only the newest matters; "" if each does.
    """

    to: tuple[str, ...]
    packet: bytes
    unless: tuple[str, ...] = ()
    id: str = ""
    conflation_key: str = ""


class BatchResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=True, tag="result"):
    """Everything that one batch has for gateways, and that a process is done with it.

    ``done``: the name of its event type. ``task``: the id of the task that has ended, "" where it goes on.
    ``began_ms``: when the process took the batch up (milliseconds since 1970), ``took_ms``: how long it worked on it.
    """

    unicasts: list[Unicast] = []
    multicasts: list[Multicast] = []
    done: str = ""
    task: str = ""
    began_ms: int = 0
    took_ms: float = 0.0


class Query(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=True, tag="query"):
    """A question about a gateway, which it answers with a ``GatewayReport``.

    ``reply_to``: the routing key for the answer. ``event_id``: the event that is asked about, "" for none.
    """

    reply_to: str
    event_id: str = ""


Outbound = BatchResult | Query


class _Parts(BatchResult, frozen=True, kw_only=True, omit_defaults=True, array_like=True, tag="result"):
    """A batch's result whose parts are not read yet."""

    unicasts: list[msgspec.Raw] = []  # type: ignore[assignment]
    multicasts: list[msgspec.Raw] = []  # type: ignore[assignment]


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Outbound] = msgspec.msgpack.Decoder(Outbound)
_parts_decoder = msgspec.msgpack.Decoder(_Parts)
_unicast_decoder = msgspec.msgpack.Decoder(Unicast)
_multicast_decoder = msgspec.msgpack.Decoder(Multicast)


def encode_outbound(outbound: Outbound) -> bytes:
    """Encode for the gateways' queues."""
    return _encoder.encode(outbound)


def decode_outbound(body: bytes) -> tuple[Outbound, int]:
    """Decode what was published to gateways, and count the parts of it that can't be read.

    A process of another version may send one connection a part that this gateway does not understand; the other parts
    are read. Raises ``msgspec.DecodeError`` when it is no outbound message at all.
    """
    try:
        return _decoder.decode(body), 0
    except msgspec.ValidationError:
        return _decode_each(_parts_decoder.decode(body))


def _decode_each(parts: _Parts) -> tuple[BatchResult, int]:
    unicasts = list(_readable(parts.unicasts, _unicast_decoder))
    multicasts = list(_readable(parts.multicasts, _multicast_decoder))
    rest = {name: getattr(parts, name) for name in BatchResult.__struct_fields__[2:]}
    lost = len(parts.unicasts) + len(parts.multicasts) - len(unicasts) - len(multicasts)
    return BatchResult(unicasts=unicasts, multicasts=multicasts, **rest), lost


def _readable(parts: Sequence[msgspec.Raw], decoder: msgspec.msgpack.Decoder[T]) -> Iterator[T]:
    for part in parts:
        with suppress(msgspec.ValidationError):
            yield decoder.decode(part)
