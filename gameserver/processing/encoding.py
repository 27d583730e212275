"""Encodes what events have for their senders and for others, and raises for what a receiver could not read.

An event's outcome is encoded whole before any of it is folded into its batch, so that a fault costs this event alone.
"""

from functools import lru_cache
from typing import Any

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import Event
from gameserver.declare.packet_parts import joined
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import Multicast, Unicast
from gameserver.processing.prepared_event import Prepared
from gameserver.rules.outcome import Notification, Outcome
from gameserver.wire.packets import Error, Ok

TEXTS_KEPT = 16_384

packed = msgspec.msgpack.Encoder().encode
read_unicast = msgspec.msgpack.Decoder(Unicast).decode
read_multicast = msgspec.msgpack.Decoder(Multicast).decode
read_envelope = msgspec.json.Decoder(Envelope).decode


def sound_text(text: str) -> str:
    """Return the text. Raises ``TypeError`` or ``UnicodeError`` for what could not be sent as one."""
    if type(text) is not str:
        raise TypeError(f"{type(text).__name__} is no text")
    text.encode()
    return text


@lru_cache(maxsize=TEXTS_KEPT)
def sound_texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts. Raises ``TypeError``, ``ValidationError`` or ``UnicodeError`` like ``sound_text``."""
    "".join(msgspec.convert(texts, tuple[str, ...])).encode()
    return texts


def packed_soundly(unicast: Unicast) -> bytes:
    """Encode it. Raises ``DecodeError`` where gateways could not read it, and with it nothing of the whole message."""
    encoded = packed(unicast)
    read_unicast(encoded)
    return encoded


def is_readable(kept: bytes) -> bool:
    """Whether this version can read a reply that was kept; another may have written it."""
    try:
        read_unicast(kept)
    except (msgspec.MsgspecError, ValueError):
        return False
    return True


# A reply comes with its encoded form, for the answer to a second copy of its event; b"" for a transient event.


def encode_reply(item: Prepared, outcome: Outcome) -> tuple[Unicast | None, bytes]:
    """Encode the reply to an event that a client numbered; without a number, only what the gateway has to do."""
    seq, follow = item.event.seq, outcome.follow
    if not seq and follow is None:
        return None, b""
    data = joined(outcome.result, outcome.parts) if outcome.parts else outcome.result
    packet = packed(Ok(re=seq, data=data)) if seq else b""
    unicast = Unicast(conn=item.envelope.conn, packet=packet, re=seq, lane=item.spec.lane, follow=follow)
    if follow is not None:
        return unicast, packed_soundly(unicast)
    return unicast, packed(unicast) if item.spec.durable else b""


def encode_refusal(item: Prepared, code: str, message: str, not_now: bool) -> tuple[Unicast, bytes]:
    """Encode the reply to a numbered event that took no effect."""
    conn, seq, spec = item.envelope.conn, item.event.seq, item.spec
    packet = packed(Error(code=code, message=message, re=seq))
    unicast = Unicast(conn=conn, packet=packet, re=seq, lane=spec.lane, refused=True, not_now=not_now)
    return unicast, packed(unicast) if spec.durable else b""


def encode_multicast(told: Notification, id_: str = "") -> Multicast:
    """Encode a notice for all who watch a topic."""
    notice: Any = told.notice
    spec = notice.notice
    field = spec.conflation_key  # names the field that says whom it is about, where a later one takes this one's place
    return Multicast(
        to=sound_texts(told.to),
        packet=packed(notice),
        unless=sound_texts(told.unless) if told.unless else (),
        id=id_,
        conflation_key=f"{spec.name}/{getattr(notice, field)}" if field else "",
    )


def encode_unicast(told: Notification) -> Unicast:
    """Encode a notice for one connection, or only what its gateway has to do."""
    unicast = Unicast(
        conn=told.conn, packet=packed(told.notice) if told.notice is not None else b"", follow=told.follow
    )
    packed_soundly(unicast)
    return unicast


def encode_birth(item: Prepared, event: Event, id_: str) -> tuple[Envelope, bytes]:
    """Encode an event that is born of another. Raises ``TypeError`` or ``DecodeError`` for what no process could read.

    The queue's part is that which its declaration says (``shard_by``), or that of its parent.
    """
    if catalogue.events().get(event.spec.name) is not type(event):
        raise TypeError(f"{type(event).__name__} is not in the catalogue")
    durable, shard_by = event.spec.durable, event.spec.shard_by
    shard_key = (getattr(event, shard_by) if shard_by else "") or item.envelope.shard_key
    envelope = Envelope(id=id_, event=event, at_ms=item.context.now_ms, in_outbox=durable, shard_key=shard_key)
    body = msgspec.json.encode(envelope)
    return read_envelope(body), body
