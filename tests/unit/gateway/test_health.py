import pytest

from gameserver.events.chat import Say
from gameserver.events.movement import Move
from gateway.health import Health, given_up_after_s

UNAVAILABLE_S = 5.0
SAY, MOVE = Say.spec, Move.spec


@pytest.fixture
def health() -> Health:
    return Health(UNAVAILABLE_S)


def test_a_family_nobody_asks_anything_of_is_well(health: Health):
    assert health.sweep(1000) == ([], [])
    assert not health.is_down("chat")


def test_a_family_that_lets_a_batch_wait_for_too_long_falls_once(health: Health):
    health.published(SAY, "t1", 0)
    assert health.sweep(UNAVAILABLE_S) == ([], [])
    assert health.sweep(UNAVAILABLE_S + 1) == (["chat"], [])
    assert health.is_down("chat")
    assert health.sweep(UNAVAILABLE_S + 2) == ([], [])


def test_one_family_says_nothing_of_another(health: Health):
    health.published(SAY, "t1", 0)
    health.sweep(6)
    assert not health.is_down("movement")


def test_a_family_that_is_busy_with_others_batches_is_not_down(health: Health):
    health.published(SAY, "slow", 0)
    for now_s in range(1, 20):
        health.done("chat", "somebody else's", now_s)
        assert health.sweep(now_s + 0.5) == ([], [])


def test_a_family_is_back_with_the_first_word_from_it(health: Health):
    health.published(SAY, "t1", 0)
    health.sweep(6)
    assert health.done("chat", "t1", 7)
    assert not health.is_down("chat")
    assert not health.done("chat", "t2", 8)


def test_what_did_not_reach_its_queue_does_not_count(health: Health):
    health.published(SAY, "t1", 0)
    health.not_published("chat", "t1")
    assert health.sweep(100) == ([], [])


def test_a_family_whose_transient_batches_are_worthless_by_now_may_be_tried_again(health: Health):
    health.published(MOVE, "t1", 0)
    assert health.sweep(6) == (["movement"], [])
    assert health.sweep(given_up_after_s(MOVE) + 1) == ([], ["movement"])
    assert not health.is_down("movement")


def test_when_the_broker_goes_nothing_is_known(health: Health):
    health.published(SAY, "t1", 0)
    health.sweep(6)
    health.forget()
    assert not health.is_down("chat")
    assert health.sweep(100) == ([], [])
