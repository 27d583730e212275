"""Crowds of bots, and what they notice of the deaths, births and farewells of processes."""

import os
import signal

import pytest

from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from tests.crowds import NOT_NOW, Crowd
from tests.deployments import FAMILIES
from tests.integration.watched import Watched

OTHERS = tuple(family for family in FAMILIES if family != "movement")


class Place:
    """A deployment with a worker for movement, one for everything else, and two gateways."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.beat = deployment.beat()
        self.gateways = [deployment.gateway(), deployment.gateway()]
        self.movement, self.others = deployment.workers([(("movement",), "m1", 1), (OTHERS, "o1", 1)])


@pytest.fixture(scope="module")
def place(module_deployment: Deployment) -> Place:
    return Place(module_deployment)


def test_thirty_bots_are_all_answered_without_errors(place: Place):
    with Crowd(*place.gateways, count=30, duration_s=10, prefix="calm") as crowd:
        summary = crowd.summary()
    assert summary.ok, "\n".join(summary.lines())
    assert summary.answered > 30 * 10
    assert summary.reconnects == 0


def test_bots_that_trade_in_every_way_are_all_answered_as_the_rules_say(place: Place):
    with Crowd(*place.gateways, count=24, duration_s=15, prefix="trader", rate=4, profile="mixed") as crowd:
        summary = crowd.summary()
    assert summary.ok, "\n".join(summary.lines())
    assert summary.answered > 24 * 30


def test_two_workers_of_a_family_share_its_events(place: Place):
    second = place.deployment.worker("movement", name="m2")
    with Watched(place.deployment.amqp_url) as watched:
        with Crowd(*place.gateways, count=20, duration_s=4, prefix="share", rate=5) as crowd:
            summary = crowd.summary()
        names = [event["hostname"].split("@")[0] for event in watched.of("task-started")]
    assert summary.ok, "\n".join(summary.lines())
    assert min(names.count("m1"), names.count("m2")) > 20, (names.count("m1"), names.count("m2"))
    second.terminate()
    assert second.wait() == 0


def test_killed_children_and_killed_workers_leave_nothing_unanswered(place: Place):
    with Crowd(*place.gateways, count=20, duration_s=12, prefix="hard") as crowd:
        crowd.wait_until_playing()
        for worker in (place.movement, place.others):
            (child,) = worker.children()
            os.kill(child, signal.SIGKILL)
            eventually(lambda w=worker, c=child: w.children() not in ([], [c]), "a new child")
        place.movement.kill()
        place.movement = place.deployment.worker("movement", name="m3")
        place.others.kill(group=True)
        place.others = place.deployment.worker(*OTHERS, name="o2")
        summary = crowd.summary()
    assert summary.entered == summary.count
    assert summary.unanswered == 0, "\n".join(summary.lines())
    assert set(summary.errors) <= NOT_NOW, "\n".join(summary.lines())


def test_a_gateway_that_goes_away_says_so_and_its_players_go_on_at_another(place: Place):
    leaving, staying = place.deployment.gateway(), place.gateways[0]
    with (
        LineClient(leaving.port) as silent,
        LineClient(leaving.port) as ada,
        Crowd(leaving, staying, count=10, duration_s=8, prefix="move") as crowd,
    ):
        ada.register("Ada")
        crowd.wait_until_playing()
        leaving.terminate()
        ada.expect("bye", code="going_away")
        silent.expect("bye", code="going_away")
        ada.expect_end()
        assert leaving.wait() == 0
        summary = crowd.summary()
        with LineClient(staying.port) as elsewhere:
            assert elsewhere.resume(ada.token)["player"] == "ada"
    assert summary.ok, "\n".join(summary.lines())
    assert summary.reconnects >= 5
