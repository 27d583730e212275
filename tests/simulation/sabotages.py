"""Guarantees, each switched off by itself, with the seed that finds it out: what the adversary is held to.

``finds``: words of the contradiction that must be among those found.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from gameserver.events.envelope import Envelope
from gameserver.wire.server import ServerConnection
from gameserver.world.marks import Mark, read_marks
from gateway.lanes import Lane
from tests.simulation.memory_store import MemoryTransaction
from tests.simulation.story import Chances

Off = Callable[[pytest.MonkeyPatch], None]


class Sabotage(NamedTuple):
    """``guarantee``: what is switched off. ``story``: what the seed's story is about where few of all are."""

    guarantee: str
    off: Off
    seed: int
    finds: str
    story: dict[str, Any] = {}


CRASHING: dict[str, Any] = {
    "moves": frozenset({"family_away", "kill_worker"}),
    "chances": Chances(crash=0.5, ack_lost=0.3, switch=0.1, move=0.05),
    "actions": 40,
    "poisons": (),
}


def no_watermarks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "gameserver.apply.read_marks",
        lambda text: {lane: Mark(-1, mark.stored) for lane, mark in read_marks(text).items()},
    )


def no_outbox(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryTransaction, "add_waiting", lambda self, rows, now_ms, due_ms: None)


def no_lanes(patch: pytest.MonkeyPatch) -> None:
    real = Lane.next

    def next_(self: Lane, now_s: float) -> object:
        flying, self._flight = self._flight, {}
        group = real(self, now_s)
        self._flight = {**flying, **self._flight}
        return group

    patch.setattr(Lane, "next", next_)


def no_locks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryTransaction, "_lock", lambda self, table, key: None)


def halves_of_lanes(patch: pytest.MonkeyPatch) -> None:
    def halves(batch: Sequence[Envelope]) -> tuple[Sequence[Envelope], Sequence[Envelope]]:
        return batch[: len(batch) // 2], batch[len(batch) // 2 :]

    patch.setattr("tasks.server.halves_by_lanes", halves)


def exceptions_pass(patch: pytest.MonkeyPatch) -> None:
    """What nobody handled ends in the broker's dead messages instead of the queue."""
    patch.setattr("tasks.server.Server._or_give_back", lambda self, work, turn: work())


def doubt_is_refused(patch: pytest.MonkeyPatch) -> None:
    """What a queue refuses is refused, though another copy may be in it."""
    patch.setattr(Lane, "not_in_queue", lambda self, seqs: bool(self._flight))


def resent_is_new(patch: pytest.MonkeyPatch) -> None:
    """What was sent on an earlier connection is refused like anything new."""
    real: Any = ServerConnection.entered

    def entered(self: Any, *given: Any, **named: Any) -> None:
        real(self, *given, **named)
        self.sent_before_to = 0

    patch.setattr(ServerConnection, "entered", entered)


def unread_rows_raise(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gameserver.apply.sort_out", lambda due: (due, {}))


def no_ears(patch: pytest.MonkeyPatch) -> None:
    """Who is silent is dead, whoever else was heard."""
    patch.setattr("gameserver.rules.world._was_calm", lambda state, now_ms: True)


def any_tick(patch: pytest.MonkeyPatch) -> None:
    """A tick has the number that its beat gave it, by whatever clock."""
    patch.setattr("gameserver.rules.world._number", lambda n, now_ms: n)
    patch.setattr("gameserver.rules.world.TOLERANCE_TICKS", 10**9)


def copies_under_one_id(patch: pytest.MonkeyPatch) -> None:
    """What is published again is the same task: revoked once, it is revoked for ever."""
    patch.setattr("gateway.inward.Inward._copy", lambda self, first: 0)


SABOTAGES = (
    Sabotage("a watermark for each lane", no_watermarks, 3, "doubled"),
    Sabotage("the outbox", no_outbox, 5, "heard of 0 times"),
    Sabotage("one task of a lane under way", no_lanes, 0, "outcome_unknown"),
    Sabotage("rows are locked", no_locks, 11, "wrong sum"),
    Sabotage("no lane is split", halves_of_lanes, 293, "outcome_unknown", CRASHING),
    Sabotage("nothing of ours goes to the dead messages", exceptions_pass, 173, "went to the dead messages"),
    Sabotage("what is in doubt is not refused", doubt_is_refused, 42, "told no and done"),
    Sabotage("what was sent before is in doubt", resent_is_new, 42, "told no and done"),
    Sabotage("rows that nobody can read wait", unread_rows_raise, 6, "became a dead letter"),
    Sabotage("when nobody was heard it is the ears", no_ears, 87, "a living gateway"),
    Sabotage("ticks are numbered by server time", any_tick, 44, "the world stands still"),
    Sabotage("what is published again is another task", copies_under_one_id, 70, "unanswered"),
)
