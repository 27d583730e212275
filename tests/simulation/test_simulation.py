"""Hundreds of seeds: whatever the adversary does, what was told, what was done and what is kept are one story."""

import logging
import time
from collections.abc import Iterator

import pytest

from tests.simulation.findings import play
from tests.simulation.sabotages import SABOTAGES, Sabotage

SEEDS = 10_000
SECONDS_MAX = 55.0
SEEDS_MIN = 40  # a slow machine plays fewer seeds, the same ones first
SEARCHED_MAX = 200  # seeds after a sabotage's own: with another version of the code another one finds it out


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What the simulated cluster complains of is what it should complain of, and to write it down takes time."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.timeout(180)
def test_every_seed_tells_one_story() -> None:
    began_s = time.monotonic()
    played = 0
    for seed in range(SEEDS):
        _, wrong = play(seed)
        assert wrong == [], f"seed {seed}: python -m tests.simulation --trace {seed}"
        played += 1
        if time.monotonic() - began_s > SECONDS_MAX:
            break
    assert played >= SEEDS_MIN


def test_a_seed_is_the_same_story_each_time() -> None:
    for seed in range(5):
        first, second = play(seed), play(seed)
        assert first[0].told == second[0].told
        assert first[1] == second[1]


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.guarantee)
@pytest.mark.timeout(180)
def test_what_is_switched_off_is_found_out(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage.off(monkeypatch)
    for seed in range(sabotage.seed, sabotage.seed + SEARCHED_MAX):
        _, wrong = play(seed, **sabotage.story)
        if any(sabotage.finds in sentence for sentence in wrong):
            return
    raise AssertionError(f"nobody noticed, from seed {sabotage.seed} on, that this is missing: {sabotage.guarantee}")


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.guarantee)
def test_with_it_on_the_same_seed_is_one_story(sabotage: Sabotage) -> None:
    _, wrong = play(sabotage.seed, **sabotage.story)
    assert wrong == []
