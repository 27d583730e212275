"""A batch's events and times for ``trace``, without what the events say.

The last of them are kept for minutes, whoever has sent them: so each event takes up as little as another, and no text
or password of anybody's stays in memory.
"""

from collections.abc import Iterator

import msgspec

from gameserver.messages.process_reports import EventTimes
from gateway.ingress.in_flight import Batch


class BatchTimes(msgspec.Struct, frozen=True):
    """``events``: of each the id, the player and when it was accepted. The other times as in ``EventTimes``."""

    task_id: str
    event: str
    events: list[tuple[str, str, int]]
    published_ms: int
    began_ms: int = 0
    took_ms: float = 0.0
    done_ms: int = 0

    def of(self, id_: str) -> Iterator[EventTimes]:
        """Say what is known of an event, as often as it is in this batch."""
        for event, player, at_ms in self.events:
            if event == id_:
                yield EventTimes(
                    id=id_,
                    event=self.event,
                    player=player,
                    task=self.task_id,
                    accepted_ms=at_ms,
                    published_ms=self.published_ms,
                    began_ms=self.began_ms,
                    took_ms=self.took_ms,
                    done_ms=self.done_ms,
                )


def times_of(batch: Batch, began_ms: int = 0, took_ms: float = 0.0, done_ms: int = 0) -> BatchTimes:
    """Note a batch's times. What a process says is 0 as long as it is in flight."""
    events = [(envelope.id, envelope.player, envelope.at_ms) for envelope in batch.envelopes]
    return BatchTimes(batch.task_id, batch.spec.task, events, batch.published_ms, began_ms, took_ms, done_ms)
