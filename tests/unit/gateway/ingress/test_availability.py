import pytest

from gameserver.declare.base import Event
from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.events import Say
from gameserver.modules.movement.events import Move
from gateway.connections.lanes import given_up_after_s
from gateway.ingress.availability import FamilyAvailability, Judged
from gateway.ingress.in_flight import Batch, InFlightRegistry

UNAVAILABLE_S = 5.0
SAY, MOVE = Say(text="x"), Move(dir="n")


class Watched:
    """A availability and the batches that it judges by."""

    def __init__(self) -> None:
        self.in_flight = InFlightRegistry()
        self.availability = FamilyAvailability(UNAVAILABLE_S, self.in_flight)

    def publish(self, event: Event, task: str, now_s: float) -> None:
        self.in_flight.add(Batch(task, event.spec.family, [Envelope(id=task, event=event, at_ms=0)], now_s, 0))

    def done(self, family: str, task: str, now_s: float) -> bool:
        self.in_flight.remove(task)
        return self.availability.heard(family, now_s)

    def judged(self, now_s: float) -> tuple[list[str], list[str]]:
        """Who fell and who is back."""
        found = self.availability.sweep(now_s)
        return found.fallen, found.back

    def probed(self, now_s: float) -> list[list[str]]:
        return [[batch.task_id for batch in batches] for batches in self.availability.sweep(now_s).probes]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_family_nobody_asks_anything_of_is_well(watched: Watched):
    assert watched.availability.sweep(1000) == Judged([], [], [])
    assert not watched.availability.is_down("chat")


def test_a_family_that_lets_a_batch_and_its_probe_wait_for_too_long_falls_once(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.publish(SAY, "t2", UNAVAILABLE_S / 2)
    assert watched.judged(UNAVAILABLE_S) == ([], [])
    assert watched.judged(UNAVAILABLE_S + 1) == (["chat"], [])
    assert watched.availability.is_down("chat")
    assert watched.judged(UNAVAILABLE_S + 2) == ([], [])


def test_one_lost_batch_condemns_nobody_and_is_probed_before_the_time_is_over(watched: Watched):
    watched.publish(SAY, "lost", 0)
    assert watched.probed(UNAVAILABLE_S / 2 - 0.1) == []
    assert watched.probed(UNAVAILABLE_S / 2 + 0.1) == [["lost"]]
    assert watched.judged(UNAVAILABLE_S + 1) == ([], [])


def test_a_family_that_answers_its_probe_is_not_judged_by_what_was_lost_before(watched: Watched):
    watched.publish(SAY, "lost", 0)
    watched.publish(SAY, "probe", 3)
    watched.done("chat", "probe", 3.1)
    assert watched.judged(UNAVAILABLE_S + 1) == ([], [])
    watched.publish(SAY, "later", 20)
    assert watched.judged(24) == ([], [])


def test_a_probe_has_half_of_the_time_to_be_answered(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.publish(SAY, "late", UNAVAILABLE_S)
    assert watched.judged(UNAVAILABLE_S + 1) == ([], [])
    assert watched.judged(UNAVAILABLE_S * 1.5 + 0.1) == (["chat"], [])


def test_a_family_that_is_down_is_probed_every_now_and_then(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.publish(SAY, "t2", 3)
    assert watched.probed(7) == []
    assert watched.probed(3 + UNAVAILABLE_S + 0.1) == [["t1", "t2"]]
    watched.publish(SAY, "t3", 9)
    assert watched.probed(10) == []


def test_one_family_says_nothing_of_another(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.publish(SAY, "t2", 1)
    watched.availability.sweep(6)
    assert not watched.availability.is_down("movement")


def test_a_family_that_is_busy_with_others_batches_is_not_down(watched: Watched):
    watched.publish(SAY, "slow", 0)
    watched.publish(SAY, "slow too", 0)
    for now_s in range(1, 20):
        watched.done("chat", "somebody else's", now_s)
        assert watched.availability.sweep(now_s + 0.5) == Judged([], [], [])


def test_a_family_is_back_with_the_first_word_from_it(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.publish(SAY, "t2", 3)
    watched.availability.sweep(6)
    assert watched.done("chat", "t1", 7)
    assert not watched.availability.is_down("chat")
    assert not watched.done("chat", "t2", 8)


def test_what_did_not_reach_its_queue_does_not_count(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.publish(SAY, "t2", 3)
    watched.in_flight.remove("t1")
    assert watched.judged(59) == ([], [])


def test_a_family_whose_batches_are_worthless_by_now_may_be_tried_again(watched: Watched):
    watched.publish(MOVE, "t1", 0)
    watched.publish(MOVE, "t2", 3)
    assert watched.judged(6) == (["movement"], [])
    assert watched.judged(3 + given_up_after_s(Move.spec) + 1) == ([], ["movement"])
    assert not watched.availability.is_down("movement")


def test_when_the_broker_goes_nothing_is_known(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.publish(SAY, "t2", 3)
    watched.availability.sweep(6)
    watched.in_flight.clear()
    watched.availability.forget()
    assert not watched.availability.is_down("chat")
    assert watched.judged(100) == ([], [])
