"""What a batch has for others than its senders: notices, mail, events that are born, rows of the outbox sent again.

What is emitted is encoded first, and emitted once its event's outcome was folded in: nothing can go wrong with it then.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from gameserver.declare.base import Event, Notice
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import Multicast, Unicast
from gameserver.processing.encoding import (
    encode_birth,
    encode_multicast,
    encode_unicast,
    packed,
    read_envelope,
    read_multicast,
    sound_text,
)
from gameserver.processing.merging import MergedMail
from gameserver.processing.outbound_builder import OutboundBuilder
from gameserver.processing.prepared_event import Prepared
from gameserver.rules.outcome import Notification, Outcome, State, Waiting
from gameserver.store.locked_rows import Held
from gameserver.store.store import Transaction

RESEND_MS = 3_000

Announcement = tuple[Callable[[Any], None], Any]  # how it is made, and of what

_READERS: dict[str, Callable[[bytes], Any]] = {"talk": read_multicast, "event": read_envelope}


def _kept_as(item: Prepared) -> str:
    """What the ids of all that is kept until it has arrived begin with.

    An event of the server that is not durable is known by no id: a beat whose clock is off sends a number once more,
    and what is born of one of both would count as done (or as there) for the sake of the other.
    """
    is_known = item.spec.durable or item.spec.origin != "server"
    return item.envelope.id if is_known else f"{item.envelope.id}@{item.context.now_ms}"


class Emissions:
    """What a batch emits. ``published``: outbox rows that are done with once the batch's result was published."""

    def __init__(self, state: State, builder: OutboundBuilder, held: Held) -> None:
        self._state = state
        self._builder = builder
        self._merged = MergedMail(state, held)
        self._waiting: list[Waiting] = []
        self._again: list[str] = []
        self.done: list[str] = []
        self.born: list[Envelope] = []
        self.published: list[str] = []

    @property
    def in_outbox(self) -> bool:
        """Whether anything was kept until it has arrived."""
        return bool(self._waiting) or self._merged.any

    def encode(self, item: Prepared, outcome: Outcome) -> list[Announcement]:
        """Encode everything that an outcome emits. Raises whatever is wrong with any of it."""
        found: list[Announcement] = []
        kept_as = _kept_as(item)
        for n, told in enumerate(outcome.notifications):
            durable = told.notice is not None and told.notice.notice.durable
            if told.to and not durable:  # as most are
                found.append((self._builder.add_multicast, encode_multicast(told)))
            else:
                # the id under which it is kept until it has arrived
                found.append(self._encode_notice(told, f"{kept_as}/{n}" if durable else ""))
        if outcome.events:
            found += [
                self._encode_birth(item, event, f"{kept_as if event.spec.durable else item.envelope.id}/e{n}")
                for n, event in enumerate(outcome.events)
            ]
        if outcome.again:
            found += map(self._encode_again, outcome.again)
        return found

    def encode_present(self, notifications: Iterable[Notification]) -> list[Announcement]:
        """Encode notices that are told and not kept."""
        return [self._encode_notice(told, "") for told in notifications]

    def save(self, transaction: Transaction, now_ms: int) -> None:
        """Write the outbox, and tell what was merged."""
        new, kept = self._merged.rows()
        transaction.add_waiting([*self._waiting, *new], now_ms, now_ms + RESEND_MS)
        transaction.merge_waiting(kept, now_ms + RESEND_MS)
        transaction.postpone_waiting(self._again, now_ms + RESEND_MS)
        for row in (*new, *kept):
            if not row.untold:
                self._deliver(row.player, row.body, row.id)

    def _encode_notice(self, told: Notification, id_: str) -> Announcement:
        if told.to:
            multicast = encode_multicast(told, id_)
            return (self._talk, (multicast, packed(multicast))) if id_ else (self._builder.add_multicast, multicast)
        if told.player and told.notice is not None:
            return self._encode_mail(sound_text(told.player), replace(told.notice, id=id_))
        return self._tell, (sound_text(told.gateway), encode_unicast(told))

    def _encode_mail(self, player: str, notice: Notice) -> Announcement:
        body = packed(notice)
        if not (notice.id and notice.notice.merge):
            return self._mail, Waiting(notice.id, "mail", player, body)
        self._merged.check(player)
        return self._merge, (player, notice)

    def _merge(self, what: tuple[str, Notice]) -> None:
        self._merged.add(*what)

    def _tell(self, what: tuple[str, Unicast]) -> None:
        self._builder.add_unicast(*what)

    def _talk(self, what: tuple[Multicast, bytes]) -> None:
        multicast, body = what
        self._builder.add_multicast(multicast)
        self._waiting.append(Waiting(multicast.id, "talk", "", body))
        self.published.append(multicast.id)

    def _mail(self, mail: Waiting) -> None:
        if mail.id:
            self._waiting.append(mail)
            self._state.count_mail(mail.player)
        self._deliver(mail.player, mail.body, mail.id)

    def _deliver(self, player: str, packet: bytes, id_: str) -> None:
        body = self._state.actors.get(player)
        if body is not None and body.gateway:
            self._builder.add_unicast(body.gateway, Unicast(conn=body.conn, packet=packet, id=id_))

    def _encode_birth(self, item: Prepared, event: Event, id_: str) -> Announcement:
        return self._bear, encode_birth(item, event, id_)

    def _bear(self, what: tuple[Envelope, bytes]) -> None:
        envelope, body = what
        self.born.append(envelope)
        if envelope.in_outbox:
            self._waiting.append(Waiting(envelope.id, "event", "", body))

    def _encode_again(self, waiting: Waiting) -> Announcement:
        read = _READERS.get(waiting.kind)
        return self._send_again, (waiting, read(waiting.body) if read else waiting.body)

    def _send_again(self, what: tuple[Waiting, Any]) -> None:
        waiting, read = what
        self._again.append(waiting.id)
        if waiting.kind == "mail":
            self._deliver(waiting.player, read, waiting.id)
        elif waiting.kind == "talk":
            self._builder.add_multicast(read)
            self.published.append(waiting.id)
        else:
            self.born.append(read)
