"""One thing is away for long, or everything once, under load: players play on, and what they wrote is one story."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from gameserver.testing.chaos.schedule import Fault
from gameserver.testing.rabbitmq_node import RunningNode
from tests.chaos.players import Player
from tests.chaos.records import Diary
from tests.chaos.run import judged, played
from tests.chaos.stage import WORKERS, Stage
from tests.databases import CAREFUL, Cluster, required

AWAY_S = 20.0
TIGHT = {"GAMESERVER_GATEWAY_WAITING_MAX": "40"}
CROWD = 200
GAME = {"too_few_coins", "wall"}  # what the rules say no to


def codes(diary: Diary) -> Counter[str]:
    """What players were refused with, by the server and not by the game."""
    return Counter(a.code for a in diary.actions if a.end == "refused" and a.code not in GAME)


async def all_go_on(crowd: Sequence[Player], answers: int = 5) -> None:
    """Everyone has so many more answers."""
    await asyncio.gather(*(player.goes_on(answers) for player in crowd))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the server is."""
    return tmp_path / "server"


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_two_hundred_clients_of_a_killed_gateway_go_on_at_the_other(node: RunningNode, folder: Path) -> None:
    stage = Stage(node, folder)

    async def happen(crowd: Sequence[Player]) -> None:
        await all_go_on(crowd)
        stage.gateways[0].kill()
        await all_go_on(crowd)

    try:
        stage.start_all()
        diary = asyncio.run(played(stage, happen, players=CROWD, rate=0.5, spread=False))
        assert judged(stage, diary) == []
        assert diary.reconnects == CROWD
        assert set(codes(diary)) <= {"stale"}, codes(diary)
    finally:
        stage.stop()


def locked(stage: Stage, cluster: Cluster | None) -> AbstractContextManager[None]:
    """Somebody holds SQLite's write lock."""
    return stage.sqlite_locked()


@contextmanager
def frozen(stage: Stage, cluster: Cluster | None) -> Iterator[None]:
    """PostgreSQL says nothing."""
    assert cluster is not None
    cluster.freeze()
    yield
    cluster.thaw()


@contextmanager
def crashed(stage: Stage, cluster: Cluster | None) -> Iterator[None]:
    """PostgreSQL is not there."""
    assert cluster is not None
    cluster.end()
    yield
    cluster.run()


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster | None]:
    """A PostgreSQL that may be hurt, for those who want one."""
    if not request.param:
        yield None
        return
    made = Cluster(required(), CAREFUL)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("cluster", "away"),
    [(False, locked), (True, frozen), (True, crashed)],
    indirect=["cluster"],
    ids=["SQLite locked", "PostgreSQL frozen", "PostgreSQL crashed"],
)
def test_while_the_database_is_away_clients_stay_and_are_told_so_and_all_goes_on(
    node: RunningNode,
    folder: Path,
    cluster: Cluster | None,
    away: Callable[[Stage, Cluster | None], AbstractContextManager[None]],
) -> None:
    # So few may wait that this bound is reached before the families count as unavailable.
    stage = Stage(node, folder, cluster.url(cluster.migrated) if cluster else "", env=TIGHT)

    async def happen(crowd: Sequence[Player]) -> None:
        await all_go_on(crowd)
        with away(stage, cluster):
            await asyncio.sleep(AWAY_S)
        await all_go_on(crowd)

    try:
        stage.start_all()
        diary = asyncio.run(played(stage, happen))
        assert judged(stage, diary) == []
        assert diary.reconnects == 0
        assert codes(diary)["busy"] > 0
        assert set(codes(diary)) <= {"busy", "unavailable", "stale"}, codes(diary)
    finally:
        stage.stop()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_players_of_a_gateway_that_was_taken_for_dead_are_back_before_what_they_did_meanwhile(
    node: RunningNode, folder: Path
) -> None:
    stage = Stage(node, folder)

    async def happen(crowd: Sequence[Player]) -> None:
        await all_go_on(crowd)
        stage.strike(Fault(0.0, "cut a gateway off the broker", 0, AWAY_S / 2))
        await asyncio.sleep(AWAY_S)  # longer than a gateway may be silent
        await all_go_on(crowd)

    try:
        stage.start_all()
        diary = asyncio.run(played(stage, happen))
        assert judged(stage, diary) == []
        assert diary.reconnects == 0
        assert set(codes(diary)) <= {"busy", "unavailable", "stale"}, codes(diary)
    finally:
        stage.stop()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_everything_is_restarted_one_after_the_other_and_players_notice_reconnects_only(
    node: RunningNode, folder: Path
) -> None:
    stage = Stage(node, folder)

    restarts: dict[str, Callable[[], int]] = {
        **{f"worker {name}": partial(stage.restart_worker, name) for name in WORKERS},
        "beat": stage.restart_beat,
        **{f"gateway {n}": partial(stage.restart_gateway, n) for n in range(2)},
        "broker": stage.restart_broker,
    }
    began: dict[str, float] = {}

    async def happen(crowd: Sequence[Player]) -> None:
        await all_go_on(crowd)
        for name, restart in restarts.items():
            began[name] = time.monotonic()
            assert await stage.do(restart) == 0, name
            await all_go_on(crowd)

    try:
        stage.start_all()
        diary = asyncio.run(played(stage, happen))
        assert judged(stage, diary) == []
        assert diary.reconnects >= len(diary.heard) // 2
        before = Diary(actions=[a for a in diary.actions if a.ended_s < began["broker"]])
        assert not codes(before)
        assert set(codes(diary)) <= {"stale"}, codes(diary)  # moves do not wait for a broker to come back
    finally:
        stage.stop()
