"""The benchmark kept from rotting: this server beside the floor at a moderate load. Ratios with slack, no times."""

from pathlib import Path

from gameserver.testing.rabbitmq_node import RunningNode
from tests.benchmarks import workloads, zones
from tests.benchmarks.point import Point, measure
from tests.benchmarks.servers import Wanted, running

CLIENTS = 400
RATE = 2.0
SECONDS = 5.0
# Measured, then doubled: the processors of a busy CI are no laboratory.
SLACK = 4.0  # times as late as what counts as carried
COST_MAX = 2.5
BEHIND_COST_MAX = 0.8  # workers and broker, of all
BATCH_MIN = 10.0


def _walked(kind: str, folder: Path, node: RunningNode | None = None) -> Point:
    with running(Wanted(kind=kind, players=CLIENTS), folder, node) as server:
        groups = workloads.walk(CLIENTS, RATE)
        return measure(server, groups, workload="walk", seconds=SECONDS, warm_s=2.0)


def test_a_move_costs_what_it_should_beside_a_server_in_memory(private_node: RunningNode, tmp_path: Path) -> None:
    floor, ours = _walked("floor", tmp_path / "floor"), _walked("gameserver", tmp_path / "gameserver", private_node)
    for point in (floor, ours):
        assert point.latency.in_time(SLACK)
        assert point.lost == 0
        assert point.sights is not None
        assert point.sights.sent > 0.9 * SECONDS * RATE * CLIENTS / 2 * (zones.CROWD - 1)  # in every other zone
        assert point.sights.in_time(SLACK)
    cost = ours.cpu_s_per_1000
    assert cost["total"] < COST_MAX * floor.cpu_s_per_1000["total"], (ours, floor)
    assert cost["workers"] + cost["broker"] < BEHIND_COST_MAX * cost["total"], ours
    assert ours.batches["mean"] > BATCH_MIN, ours
    assert ours.load_cores < 0.8, "the load generator was the limit"
