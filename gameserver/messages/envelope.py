"""What travels to the processes: an envelope is an event with its sender.

A Celery task carries a list of them, all of one type. What travels back to the gateways stands in ``outbound``.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import Event

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


def task_body(batch: Sequence[Envelope | dict[str, Any]]) -> bytes:
    """Encode the body of a Celery task (message protocol 2) that carries a batch."""
    return msgspec.json.encode(([batch], {}, None))


def read_batch(raw: Any) -> list[Envelope]:
    """Read the batch from a task's argument, which may be decoded in part. Raises ``msgspec.ValidationError``."""
    return msgspec.convert(raw, list[Envelope])


def describe(batch: Sequence[Envelope], most: int = 4) -> str:
    """Describe who does what, for Flower and logs, without secrets. ``most`` events are spelled out."""
    shown = [_describe(envelope) for envelope in batch[:most]]
    more = [f"and {len(batch) - most} more"] if len(batch) > most else []
    return "; ".join(shown + more)


def _describe(envelope: Envelope) -> str:
    event = envelope.event
    hidden = event.spec.secrets | {"seq"}
    fields = [f"{name}={getattr(event, name)!r}" for name in event.__struct_fields__ if name not in hidden]
    return " ".join([envelope.player or envelope.gateway or "server", event.spec.name, *fields])
