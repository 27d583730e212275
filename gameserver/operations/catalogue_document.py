"""An exported catalogue (``catalogue_export``), read again for comparison."""

from typing import Any

import msgspec

from gameserver.declare.base import Origin
from gameserver.errors import Corrupt
from gameserver.operations.catalogue_export import FORMAT

Schema = dict[str, Any]


class EventType(msgspec.Struct, frozen=True, kw_only=True):
    """An event type: its queue, its guarantees, and the schemas of the event and of its reply's data."""

    family: str
    origin: Origin
    lane: str
    priority: int
    lease_s: int
    durable: bool
    numbered: bool
    stale_after_s: float
    max_attempts: int
    batch_max: int
    secrets: list[str]
    schema: Schema
    result: Schema | None


class NoticeType(msgspec.Struct, frozen=True, kw_only=True):
    """A notice: its family, its guarantees and its schema."""

    family: str
    durable: bool
    conflation_key: str
    schema: Schema


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One packet of the protocol."""

    payload: Schema


class Components(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of the protocol, and the schemas that they refer to."""

    schemas: dict[str, Schema]
    messages: dict[str, Message]


class Document(msgspec.Struct, frozen=True, kw_only=True, rename=lambda name: name.replace("x_", "x-", 1)):
    """The parts of an exported catalogue that are compared."""

    asyncapi: str
    components: Components
    operations: dict[str, Any]
    x_format: int
    x_protocol: int
    x_events: dict[str, EventType]
    x_notices: dict[str, NoticeType]

    def packets(self, action: str) -> dict[str, Schema]:
        """Select the protocol's own packets, which no game declares. ``action`` of the server: "receive" or "send"."""
        messages = self.components.messages
        own = {name for name in messages if "." not in name} - {*self.x_events, *self.x_notices}
        received = {name for name in own if f"receive.{name}" in self.operations}
        return {name: messages[name].payload for name in (received if action == "receive" else own - received)}


def read(text: bytes, source: str) -> Document:
    """Decode a document. Raises ``Corrupt`` ``no_catalogue`` for a text that ``catalogue export`` did not write."""
    try:
        found = msgspec.json.decode(text, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt("no_catalogue", f"{source} is no catalogue that `catalogue export` wrote: {error}.") from None
    if found.x_format != FORMAT:
        raise Corrupt("no_catalogue", f"{source} has format {found.x_format}, and this version reads {FORMAT}.")
    return found
