"""Sabotages of the gateways: lanes, doubt, copies, availability, the roll call."""

from typing import Any

import pytest

from gameserver.messages.envelope import Envelope
from gameserver.wire.server import ServerConnection
from gateway.connections.lanes import Lane, given_up_after_s
from gateway.ingress.availability import FamilyAvailability
from gateway.ingress.in_flight import Batch
from gateway.ingress.recovery import Recovery
from gateway.ingress.roll_call import RollCall
from tests.simulation.sabotages.sabotage import Sabotage
from tests.simulation.sabotages.stories import DEAF, REVOKED, VISITED


def no_lanes(patch: pytest.MonkeyPatch) -> None:
    real = Lane.next

    def next_(self: Lane, now_s: float) -> object:
        flying, self._flight = self._flight, {}
        group = real(self, now_s)
        self._flight = {**flying, **self._flight}
        return group

    patch.setattr(Lane, "next", next_)


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


def copies_under_one_id(patch: pytest.MonkeyPatch) -> None:
    """What is published again is the same task: revoked once, it is revoked for ever."""
    patch.setattr("gateway.ingress.publisher.Publisher._copy", lambda self, first: 0)


def anything_goes_stale(patch: pytest.MonkeyPatch) -> None:
    """A gateway gives up whatever nobody answers in time, though it may still take effect."""

    def is_given_up(self: Recovery, envelope: Envelope) -> bool:
        spec = envelope.event.spec
        age_s = (self._now_ms() - envelope.at_ms) / 1000
        return spec.stale_after_s > 0 and age_s > given_up_after_s(spec)

    patch.setattr(Recovery, "_is_given_up", is_given_up)


def no_probes(patch: pytest.MonkeyPatch) -> None:
    """One batch that nobody answers condemns its family."""

    def falls(self: FamilyAvailability, family: str, batches: list[Batch], now_s: float) -> bool:
        return family not in self._down and bool(batches) and now_s - batches[0].published_s > self._unavailable_s

    patch.setattr(FamilyAvailability, "_falls", falls)
    patch.setattr(FamilyAvailability, "_asks", lambda self, family, batches, now_s: False)


def no_roll_call(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RollCall, "counted", lambda self, held, playing: None)


SABOTAGES = (
    Sabotage("one task of a lane under way", no_lanes, 0, "outcome_unknown"),
    Sabotage("what is in doubt is not refused", doubt_is_refused, 42, "told no and done"),
    Sabotage("what was sent before is in doubt", resent_is_new, 42, "told no and done"),
    Sabotage("what is published again is another task", copies_under_one_id, 70, "unanswered"),
    Sabotage("gateways are told whom they are thought to hold", no_roll_call, 10, "is a ghost", VISITED),
    Sabotage("a gateway gives up only what has no effect", anything_goes_stale, 16, "told no and done", DEAF),
    Sabotage("one lost batch condemns no family", no_probes, 29, "condemned its family", REVOKED),
)
