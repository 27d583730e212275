"""What a batch that was applied leaves to be done after its commit: what to publish, what to try again."""

from collections.abc import Mapping

import msgspec

from gameserver.errors import NotNow
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import BatchResult


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Events that could not be applied now: the first one failed, the others follow it in its lane."""

    envelopes: tuple[Envelope, ...]
    cause: BaseException


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch leaves to be done after its commit.

    ``outbound`` goes to the gateways that bind one of ``keys``; ``born`` are new events for the queue; ``published``:
    outbox rows that are done with once ``outbound`` was published; ``held`` must be tried again. ``put_off``: lanes
    (``Envelope.order``) in which an event was put off, and why: nothing of them may be applied before it.
    ``outcomes``: how many events ended how.
    """

    outbound: BatchResult
    keys: tuple[str, ...]
    born: tuple[Envelope, ...]
    published: tuple[str, ...]
    held: tuple[Held, ...]
    put_off: dict[str, NotNow] = {}
    outcomes: dict[str, int] = {}


NOTHING_PUT_OFF: Mapping[str, NotNow] = {}
