"""Dice fall alike for the same event under the same seed, and otherwise not."""

import pytest

from gameserver.processing.prepared_event import SeededDice


def fallen(seed: str, id_: str) -> list[object]:
    dice = SeededDice(seed, id_)
    return [dice.random(), dice.randint(1, 1_000_000), dice.choice(range(1_000_000))]


def test_a_replay_falls_as_the_first_time() -> None:
    assert fallen("seed", "a:1") == fallen("seed", "a:1")


@pytest.mark.parametrize(("seed", "id_"), [("another", "a:1"), ("seed", "a:2")])
def test_another_event_or_seed_falls_otherwise(seed: str, id_: str) -> None:
    assert fallen(seed, id_) != fallen("seed", "a:1")
