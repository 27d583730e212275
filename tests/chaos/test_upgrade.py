"""Every worker and gateway is replaced by one of another release, and back, while players play and use what is new.

What the other release left behind stays: mail and an event that this one cannot read. Who it is for comes in all the
same, and the world is swept, which shows in a player who went down with a gateway and is taken out of the world.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import pytest

from gameserver.client import Client
from gameserver.testing.rabbitmq_node import RunningNode
from tests.chaos.players import PASSWORD, Player
from tests.chaos.run import judged, played, query
from tests.chaos.stage import GATEWAYS, WORKERS, Stage

ANSWERS = 10
TIPS = 0.1  # the event that only the other release knows
SWEPT_S_MAX = 60.0
ENTER_S_MAX = 100.0
GATEWAY_SLOTS = [f"gateway {n}" for n in range(GATEWAYS)]
# Gateways of the new release send what workers of the old one do not know, in the second way at once, in the first when
# it is rolled back.
WAYS = {"workers first": [*WORKERS, *GATEWAY_SLOTS], "gateways first": [*GATEWAY_SLOTS, *WORKERS]}


@pytest.mark.long
@pytest.mark.timeout(500)
@pytest.mark.parametrize("way", WAYS)
def test_a_release_with_another_catalogue_comes_one_process_at_a_time_and_is_rolled_back(
    node: RunningNode, tmp_path: Path, way: str
) -> None:
    stage = Stage(node, tmp_path / "server")

    async def happen(crowd: Sequence[Player]) -> None:
        await _enter(stage, "absent", 0)
        await _roll(stage, crowd, WAYS[way], stage.other_release)
        await _tip("absent", stage)
        await _roll(stage, crowd, WAYS[way], "")
        assert query(stage.database_url, "SELECT id FROM outbox WHERE player = 'absent'"), "nothing was left behind"
        _leave_event(stage.database_url)
        async with Client(stage.addresses) as back, asyncio.timeout(ENTER_S_MAX):
            await back.login("absent", PASSWORD)
            await _go_down_with_a_gateway(stage, crowd)
        assert query(stage.database_url, "DELETE FROM outbox RETURNING id"), "what nobody can read was thrown away"

    try:
        stage.start_all()
        diary = asyncio.run(played(stage, happen, tips=TIPS))
        assert judged(stage, diary) == []
        assert diary.ends["tip ok"] > 0, diary.ends
    finally:
        stage.stop()


async def _roll(stage: Stage, crowd: Sequence[Player], slots: Sequence[str], release: str) -> None:
    for slot in slots:
        await stage.do(partial(stage.change_release, slot, release))
        await asyncio.gather(*(player.goes_on(ANSWERS) for player in crowd))


async def _enter(stage: Stage, name: str, n: int) -> None:
    """A player comes through a gateway and hangs up."""
    async with Client([stage.addresses[n]]) as client:
        await client.register(name, PASSWORD)


async def _tip(name: str, stage: Stage) -> None:
    """A player of the new release leaves mail for who is away."""
    async with Client(stage.addresses) as client:
        await client.register("tipper", PASSWORD)
        await client.send("tip", to=name, coins=1)


def _leave_event(database_url: str) -> None:
    """The other release leaves an event that it had born and not applied."""
    body = msgspec.json.encode({"id": "left:1", "event": {"type": "thank"}, "at_ms": 1, "in_outbox": True}).hex()
    query(database_url, f"INSERT INTO outbox VALUES ('left:1', 'event', '', X'{body}', 1, 1) RETURNING id")


async def _go_down_with_a_gateway(stage: Stage, crowd: Sequence[Player]) -> None:
    """A player is on a gateway that is killed, and does not come back."""
    ghost = Client([stage.addresses[0]])
    await ghost.open()
    await ghost.register("ghost", PASSWORD)
    stage.gateways[0].kill()
    await ghost.close()
    await stage.do(stage.revive_gateway, 0)
    async with asyncio.timeout(SWEPT_S_MAX):
        while query(stage.database_url, "SELECT gateway FROM players WHERE id = 'ghost'") != [("",)]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    await asyncio.gather(*(player.goes_on(ANSWERS) for player in crowd))
