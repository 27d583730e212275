"""Families split over several queues and joined again, by a setting and rolling restarts, while players play."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from gameserver.broker.topology import EVENTS, part_name
from gameserver.operations import drain_queues
from gameserver.testing.chaos.deployment import NO_CHANGE
from gameserver.testing.processes import Proc
from gameserver.testing.rabbitmq_node import RunningNode
from tests.chaos.players import Player
from tests.chaos.run import judged, played
from tests.chaos.stage import WORKERS, Stage
from tests.integration.test_workers import Tap

SPLIT = ("movement", "chat", "trade")
PARTS = 5  # the town, where players begin, falls to the last
ANSWERS = 10
SETTING = "GAMESERVER_SPLIT_QUEUES"


class SplitStage(Stage):
    """A stage whose workers serve all parts of what is split."""

    def _start_workers(self, names: Sequence[str], env: Mapping[str, str] = NO_CHANGE) -> list[Proc]:
        queues = {name: self._queues(WORKERS[name]) for name in names}
        return self.workers([(queues[name], f"{name}-{os.urandom(3).hex()}", 1) for name in names])

    def _queues(self, families: Sequence[str]) -> list[str]:
        split = self.settings.queues
        return [part for family in families for part in split.parts(family)]

    def roll(self, changes: Mapping[str, str], *, gateways_first: bool) -> None:
        """Restart everything, one after the other, with other settings."""
        self.environ.update(changes)
        workers = [partial(self.restart_worker, name) for name in WORKERS]
        gateways = [partial(self.restart_gateway, n) for n in range(2)]
        for restart in [*gateways, *workers] if gateways_first else [*workers, *gateways]:
            assert restart() == 0
        assert self.restart_beat() == 0


@pytest.mark.long
@pytest.mark.timeout(500)
def test_a_split_and_its_end_lose_nothing_and_keep_the_order(node: RunningNode, tmp_path: Path) -> None:
    stage = SplitStage(node, tmp_path / "server")
    split = ",".join(f"{family}:{PARTS}" for family in SPLIT)

    async def happen(crowd: Sequence[Player]) -> None:
        assert await heard_in_parts(stage, crowd) == 0
        await stage.do(partial(stage.roll, {SETTING: split}, gateways_first=False))
        assert await heard_in_parts(stage, crowd) > len(crowd)
        await stage.do(partial(stage.roll, {SETTING: ""}, gateways_first=True))
        assert await heard_in_parts(stage, crowd) == 0

    try:
        stage.start_all()
        diary = asyncio.run(played(stage, happen))
        assert judged(stage, diary) == []
        for name in [part_name(family, n) for family in SPLIT for n in range(1, PARTS)]:
            assert drain_queues.drain(stage.amqp_url, name, stage.settings.queues) == 0
    finally:
        stage.stop()


async def heard_in_parts(stage: Stage, crowd: Sequence[Player]) -> int:
    """How many messages go to the town's parts while everyone has some answers."""
    tap = Tap(stage.amqp_url, EVENTS, *(part_name(family, PARTS - 1) for family in SPLIT))
    await asyncio.gather(*(player.goes_on(ANSWERS) for player in crowd))
    count = len(tap.look())
    tap.close()
    return count
