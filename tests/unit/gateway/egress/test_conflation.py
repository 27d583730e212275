from gameserver.messages.outbound import BatchResult, SessionUpdate, Unicast
from gateway.egress.conflation import CROWDED, WAIT_S_PER_WATCHER
from tests.unit.gateway.fakes import Player, Stage

HERE, THERE = "zone.town/0.0", "zone.town/0.1"


def crowd(stage: Stage, watchers: int) -> tuple[Player, Player]:
    """So many watch two cells, all but one from the second of them. Returns that one and one of the others."""
    near = stage.player("near", watch=(HERE, THERE), own_cell=HERE)
    far = [stage.player(f"p{n}", watch=(HERE, THERE), own_cell=THERE) for n in range(watchers - 1)]
    return near, far[-1]


def walks(stage: Stage, who: str, v: int) -> None:
    stage.dispatch(HERE, conflation_key=f"moved/{who}", type="moved", who=who, v=v)


def steps(player: Player) -> list[tuple[str, int]]:
    return [(packet["who"], packet["v"]) for packet in player.heard("moved")]


def test_a_crowd_hears_now_and_then_where_those_farther_away_are_and_those_nearby_hear_each_step(stage: Stage):
    near, far = crowd(stage, 4 * CROWDED)
    for v in (1, 2):
        walks(stage, "ada", v)
        walks(stage, "bob", v)
    assert steps(near) == [("ada", 1), ("bob", 1), ("ada", 2), ("bob", 2)]
    assert steps(far) == []
    stage.clock.advance(4 * CROWDED * WAIT_S_PER_WATCHER)
    assert steps(far) == [("ada", 2), ("bob", 2)]
    assert steps(near) == []
    walks(stage, "ada", 3)
    stage.clock.advance(4 * CROWDED * WAIT_S_PER_WATCHER)
    assert steps(far) == [("ada", 3)]


def test_nothing_is_kept_back_where_few_watch(stage: Stage):
    _, far = crowd(stage, CROWDED)
    walks(stage, "ada", 1)
    walks(stage, "ada", 2)
    assert steps(far) == [("ada", 1), ("ada", 2)]


def test_a_crowd_hears_at_once_what_matters_by_itself(stage: Stage):
    near, far = crowd(stage, CROWDED + 1)
    stage.dispatch(HERE, type="died", who="ada")
    assert near.heard("died") == far.heard("died") == [{"type": "died", "who": "ada"}]


def test_a_crowd_waits_no_longer_than_the_window():
    stage = Stage(latency_budget_ms=20, far_position_ms_max=30)
    _, far = crowd(stage, CROWDED + 1)
    walks(stage, "ada", 1)
    stage.clock.advance(0.03)
    assert steps(far) == [("ada", 1)]


def test_the_wait_grows_with_a_crowd_that_never_stops_walking(stage: Stage):
    _, far = crowd(stage, CROWDED + 1)
    for n in range(CROWDED):
        stage.player(f"more{n}", watch=(HERE, THERE), own_cell=THERE)  # which takes less than the wait
        walks(stage, "ada" if n % 2 else "bob", n)
    far.heard()
    seen = []
    for v in range(CROWDED, CROWDED + 160):  # eighty steps of each in four seconds
        walks(stage, "ada" if v % 2 else "bob", v)
        stage.clock.advance(0.025)
        seen += far.written("moved")
    assert 2 <= len(seen) <= 2 * (1 + 4 / (2 * CROWDED * WAIT_S_PER_WATCHER))


def test_who_came_nearby_meanwhile_has_looked_and_hears_no_digest(stage: Stage):
    _, far = crowd(stage, CROWDED + 1)
    walks(stage, "ada", 1)
    stage.tell(BatchResult(unicasts=[Unicast(conn=far.connection.id, follow=SessionUpdate(own_cell=HERE))]))
    stage.clock.advance(1)
    assert steps(far) == []
    walks(stage, "ada", 2)
    assert steps(far) == [("ada", 2)]
