"""A soak in one process, with comings and goings: what gateways and processes keep of it is nothing, or bounded.

What may stay stands in ``STAYS``, with its bound; whatever else has grown when all have gone is a leak.
"""

import logging
from collections.abc import Iterator
from math import inf

import pytest

from gameserver.broker.topology import PARTS_MAX
from gameserver.declare import catalogue
from gateway.egress.dispatcher import TOLD_KEPT
from gateway.hub import Hub
from gateway.metrics.meters import REMEMBERED_MAX
from tests.registries import registries
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.findings import settle
from tests.simulation.moves import MOVES
from tests.simulation.story import make_story

SEEDS = range(40)
TOLD_MIN = 3_000  # messages from processes to gateways
GOING_S = 120.0

EVENTS, FAMILIES = len(catalogue.events()), len(catalogue.families())
STAYS = {
    "Hub._publisher._batchers": EVENTS * PARTS_MAX,  # a batcher for each queue of an event type
    "Hub._availability._heard_s": FAMILIES,
    "Hub._availability._probed_s": FAMILIES,
    "Hub._availability._down": FAMILIES,
    "Hub.meters.events": EVENTS,
    "Hub.meters.events[].outcomes": EVENTS * 50,  # one for each code
    "Hub.meters.disconnects": 20,  # one for each reason
    "Hub.meters.waiting": FAMILIES,
    "Hub.meters.oldest_ms": FAMILIES,
    "Hub.meters._remembered": REMEMBERED_MAX,
    "Hub._in_flight._batches": 10,  # heartbeats of the last moment
    "Hub._in_flight._streams": 10,
    "Hub._in_flight._streams[]": 10,
    "Hub._dispatcher._linger_s": EVENTS,
    "Hub._dispatcher._told._known": TOLD_KEPT,
    "Hub._dispatcher._mailed._known": TOLD_KEPT,
}


def bound(path: str) -> float:
    """How much may stay there; what belongs to one thing in a bounded registry is bounded with that."""
    within = any(path.startswith(f"{known}[].") for known in STAYS)
    return inf if within and path not in STAYS else STAYS.get(path, 0)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def soaked(seed: int) -> tuple[SimulatedCluster, Hub]:
    """A cluster in which a story was played to its end, and whose players have left; and a gateway as at first."""
    fresh = SimulatedCluster(make_story(seed, tuple(MOVES))).hubs[0]
    cluster = SimulatedCluster(make_story(seed, tuple(MOVES)))
    try:
        for _ in range(cluster.story.steps):
            cluster.step()
        settle(cluster)
        for player in cluster.players:
            player.leave()
        until_s = cluster.now_s() + GOING_S
        while cluster.now_s() < until_s:
            cluster.pass_time(1.0)
            cluster.everyone()
    finally:
        for process in cluster.processes.all:
            cluster.processes.kill(process)
    return cluster, fresh


@pytest.mark.timeout(180)
def test_what_is_kept_of_those_who_have_gone_is_nothing_or_bounded() -> None:
    told = 0
    for seed in SEEDS:
        cluster, fresh = soaked(seed)
        base = registries(fresh)
        for hub in cluster.hubs:
            kept = registries(hub)
            grown = {path: count for path, count in kept.items() if count > max(base[path], bound(path))}
            assert grown == {}, f"seed {seed}"
            told += hub.meters.outbound
        if told >= TOLD_MIN:
            return
    raise AssertionError(f"only {told} messages")
