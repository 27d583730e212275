"""Thousands of seeds: whatever the adversary does, what players were told and what is kept are one story."""

import time
from collections import Counter

import pytest

from gameserver.world.marks import Mark, read_marks
from gameserver.world.state import Player
from gateway.lanes import Lane
from tests.chaos.checker import verdict
from tests.simulation.house import SimulatedHouse
from tests.simulation.memory_store import MemoryTransaction

SEEDS = 2_000
SECONDS_MAX = 55.0
STEPS = 150


def contradictions(seed: int) -> list[str]:
    """Play a seed to its end, and compare."""
    house = SimulatedHouse(seed, players=3, actions=8)
    for _ in range(STEPS):
        house.step()
    settled = house.settle()
    purses = {player.id: player.coins for player in house.store.things[Player].values()}
    wrong = verdict(house.diary, purses, Counter())
    wrong += [f"dead letter {letter.id}: {letter.cause}" for letter in house.store.dead_letters()]
    return wrong if settled else ["it did not come to its end", *wrong]


@pytest.mark.timeout(180)
def test_every_seed_tells_one_story() -> None:
    began_s = time.monotonic()
    played = 0
    for seed in range(SEEDS):
        assert contradictions(seed) == [], f"seed {seed}"
        played += 1
        if time.monotonic() - began_s > SECONDS_MAX:
            break  # a slow machine plays fewer seeds, the same ones first
    assert played >= 100


def found_out() -> bool:
    """Whether some of the first seeds contradict."""
    return any(contradictions(seed) for seed in range(60))


def test_without_watermarks_something_is_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gameserver.apply.read_marks",
        lambda text: {lane: Mark(-1, mark.stored) for lane, mark in read_marks(text).items()},
    )
    assert found_out()


def test_without_the_outbox_something_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryTransaction, "add_waiting", lambda self, rows, now_ms, due_ms: None)
    assert found_out()


def test_without_lanes_something_is_out_of_order(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Lane.next

    def next_(self: Lane, now_s: float) -> object:
        flying, self._flight = self._flight, {}
        group = real(self, now_s)
        self._flight = {**flying, **self._flight}
        return group

    monkeypatch.setattr(Lane, "next", next_)
    assert found_out()
