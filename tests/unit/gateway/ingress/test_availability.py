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

    def probe(self, event: Event, task: str, now_s: float) -> None:
        """The family is probed, with a copy under this name."""
        self.availability.probed(event.spec.family, now_s)
        self.publish(event, task, now_s)

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
    watched.probe(SAY, "t2", UNAVAILABLE_S / 2)
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
    watched.probe(SAY, "probe", 3)
    watched.done("chat", "probe", 3.1)
    assert watched.judged(UNAVAILABLE_S + 1) == ([], [])
    watched.publish(SAY, "later", 20)
    assert watched.judged(24) == ([], [])


@pytest.mark.parametrize("gap_s", [0.1, 1, UNAVAILABLE_S / 2, 4.9])
def test_however_many_were_lost_none_but_the_probe_condemns(watched: Watched, gap_s: float):
    for n in range(10):
        watched.publish(SAY, f"lost{n}", n * gap_s)
        assert watched.judged(n * gap_s) == ([], [])
    assert watched.judged(10 * gap_s) == ([], [])
    assert watched.probed(10 * gap_s + UNAVAILABLE_S / 2) == [[f"lost{n}" for n in range(10)]]


def test_a_family_is_asked_once_and_again_when_the_probe_did_not_go_out(watched: Watched):
    watched.publish(SAY, "lost", 0)
    watched.probe(SAY, "probe", 3)
    assert watched.probed(4) == watched.probed(5.4) == []
    watched.in_flight.remove("probe")  # the queue refused it
    assert watched.probed(5.4) == []
    assert watched.probed(5.6) == [["lost"]]
    assert watched.judged(50) == ([], [])


@pytest.mark.parametrize("reset", ["heard", "excused", "forgotten", "worthless"])
def test_a_probe_of_before_says_nothing_of_what_was_lost_since(watched: Watched, reset: str):
    watched.publish(MOVE, "lost", 0)
    watched.probe(MOVE, "probe", 3)
    if reset == "heard":
        watched.done("movement", "probe", 3.1)
    elif reset == "excused":
        watched.availability.excuse(3.1)
    elif reset == "forgotten":
        watched.in_flight.clear()
        watched.availability.forget()
    else:
        watched.in_flight.remove("probe")
        watched.judged(90)
    watched.publish(MOVE, "lost later", 100)
    assert watched.judged(104) == ([], [])
    assert watched.probed(104) == [["lost later"]]


def test_a_probe_has_half_of_the_time_to_be_answered(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.probe(SAY, "late", UNAVAILABLE_S)
    assert watched.judged(UNAVAILABLE_S + 1) == ([], [])
    assert watched.judged(UNAVAILABLE_S * 1.5 + 0.1) == (["chat"], [])


def test_a_family_that_is_down_is_probed_every_now_and_then(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.probe(SAY, "t2", 3)
    assert watched.probed(7) == []
    assert watched.probed(3 + UNAVAILABLE_S + 0.1) == [["t1", "t2"]]
    watched.probe(SAY, "t3", 9)
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
    watched.probe(SAY, "t2", 3)
    watched.availability.sweep(6)
    assert watched.done("chat", "t1", 7)
    assert not watched.availability.is_down("chat")
    assert not watched.done("chat", "t2", 8)


def test_what_did_not_reach_its_queue_does_not_count(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.probe(SAY, "t2", 3)
    watched.in_flight.remove("t2")
    assert watched.judged(59) == ([], [])


def test_a_family_whose_batches_are_worthless_by_now_may_be_tried_again(watched: Watched):
    watched.publish(MOVE, "t1", 0)
    watched.probe(MOVE, "t2", 3)
    assert watched.judged(6) == (["movement"], [])
    assert watched.judged(3 + given_up_after_s(Move.spec) + 1) == ([], ["movement"])
    assert not watched.availability.is_down("movement")


def test_when_the_broker_goes_nothing_is_known(watched: Watched):
    watched.publish(SAY, "t1", 0)
    watched.probe(SAY, "t2", 3)
    watched.availability.sweep(6)
    watched.in_flight.clear()
    watched.availability.forget()
    assert not watched.availability.is_down("chat")
    assert watched.judged(100) == ([], [])
