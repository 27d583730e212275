"""What keeps an event from taking effect twice: the watermark of its lane, or its row of the outbox.

Both change in the transaction of the effect. The reply to a durable event is kept with the watermark.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from gameserver.processing.changes import Changes
from gameserver.processing.encoding import is_readable
from gameserver.processing.prepared_event import Prepared
from gameserver.rules.outcome import State
from gameserver.rules.watermarks import START, Watermark, read_watermarks, write_watermarks
from gameserver.store.store import Stored, Transaction


class ExactlyOnce:
    """The watermarks of a batch's sessions, and those of its events that stand in the outbox.

    ``in_outbox``: ids of the batch's events that do; ``outcomes_kept``: how many replies are kept for each lane.
    ``done``: rows of the outbox that are done with.
    """

    def __init__(self, state: State, transaction: Transaction, in_outbox: Iterable[str], outcomes_kept: int) -> None:
        self._actors = state.actors
        self._transaction = transaction
        self._to_be_done = set(in_outbox)
        self._outcomes_kept = outcomes_kept
        self._marks: dict[str, dict[str, Watermark]] = {}
        self._moved: dict[str, str] = {}
        self._stored: list[Stored] = []
        self.done: list[str] = []

    def is_done(self, id_: str) -> bool:
        """Whether an event that stood in the outbox was applied, in this very batch or before."""
        return id_ not in self._to_be_done

    def position(self, item: Prepared) -> Watermark | None:
        """Find where an event's lane stands; None when its session is over. Raises ``Corrupt`` for unreadable marks."""
        envelope = item.envelope
        player = self._actors.get(envelope.player)
        if player is None or not envelope.session or player.session != envelope.session:
            return None
        lanes = self._marks.get(envelope.session)
        if lanes is None:
            lanes = self._marks[envelope.session] = read_watermarks(player.marks)
        return lanes.get(item.spec.lane, START)

    def advance(self, item: Prepared, reply: bytes) -> None:
        """Move the watermark to an event, and keep its reply: a second copy is answered the same."""
        if item.envelope.in_outbox:
            self.done.append(item.envelope.id)
            self._to_be_done.discard(item.envelope.id)
        if item.mark is None:
            return
        stored = item.mark.stored
        session, seq = item.envelope.session, item.event.seq
        if item.spec.durable and reply:
            slot = stored % self._outcomes_kept
            self._stored.append(Stored(lane=item.envelope.key, session=session, slot=slot, seq=seq, direct=reply))
            stored += 1
        self._marks[session][item.spec.lane] = Watermark(seq, stored)
        self._moved[session] = item.envelope.player

    def kept_reply(self, item: Prepared) -> bytes | None:
        """Find the reply to an event that was applied in this very batch or before, if it is kept and readable."""
        key, seq = item.envelope.key, item.event.seq
        just_now = (stored.direct for stored in self._stored if (stored.lane, stored.seq) == (key, seq))
        kept = next(just_now, None) or self._transaction.stored(key, seq)
        return kept if kept and is_readable(kept) else None

    def fold_into(self, changes: Changes) -> None:
        """Put the marks that moved with their players; those of a session that ended in this very batch stay gone."""
        actors, changed = changes.actors
        for session, id_ in self._moved.items():
            actor = actors[id_]
            if actor.session == session:
                actors[id_] = replace(actor, marks=write_watermarks(self._marks[session]))
                changed[id_] = None

    def save(self) -> None:
        """Write the replies that are kept."""
        self._transaction.keep(self._stored)
