"""Every worker and gateway is replaced by one of another release, and back, while players play and use what is new."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from gameserver.up.rabbitmq import PrivateNode
from tests.chaos.players import Player
from tests.chaos.run import judged, played
from tests.chaos.stage import GATEWAYS, WORKERS, Stage

ANSWERS = 20
TIPS = 0.1  # the event that only the other release knows
GATEWAY_SLOTS = [f"gateway {n}" for n in range(GATEWAYS)]


@pytest.mark.long
@pytest.mark.timeout(500)
def test_a_release_with_another_catalogue_comes_one_process_at_a_time_and_is_rolled_back(
    node: PrivateNode, tmp_path: Path
) -> None:
    stage = Stage(node, tmp_path / "house")

    async def happen(crowd: Sequence[Player]) -> None:
        # Workers first: nothing is sent that nobody knows. Back in the other order.
        for slots, release in (([*WORKERS, *GATEWAY_SLOTS], stage.other_release), ([*GATEWAY_SLOTS, *WORKERS], "")):
            for slot in slots:
                await stage.do(partial(stage.change_release, slot, release))
                await asyncio.gather(*(player.goes_on(ANSWERS) for player in crowd))

    try:
        stage.raise_curtain()
        diary = asyncio.run(played(stage, happen, tips=TIPS))
        assert judged(stage, diary) == []
        assert diary.ends["tip ok"] > 0, diary.ends
    finally:
        stage.stop()
