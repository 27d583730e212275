"""No is final: what may be in the queue is not refused, whatever becomes of its connection, and is done once."""

import subprocess
import sys

import pytest

from gameserver.declare import catalogue
from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from tests.deployments import ROOT

COINS = 100  # in a new purse
OTHERS = tuple(family for family in catalogue.families() if family != "trade")


def resumed(port: int, before: LineClient, *, notifications: bool = True) -> LineClient:
    """The same player on a new connection; ``notifications``: which numbers were used."""
    before.close()
    after = LineClient(port)
    after.resume(before.token, **({"sent": before.seq} if notifications else {}))
    after.seq = before.seq
    return after


def give_again(client: LineClient, seq: int, to: str) -> None:
    client.send(type="give", to=to, coins=10, seq=seq)


@pytest.mark.parametrize("notifications", [True, False])
def test_what_waits_for_a_family_without_workers_is_not_refused_after_a_resume_and_is_done_once(
    deployment: Deployment, notifications: bool
) -> None:
    deployment.beat()
    deployment.worker(*OTHERS, name="others")
    port = deployment.gateway().port
    with LineClient(port) as ada, LineClient(port) as bob:
        bob.register("Bob")
        ada.register("Ada")
        seq = ada.post("give", to="bob", coins=10)
        ada.expect("unavailable", family="trade")
        with resumed(port, ada, notifications=notifications) as again:
            give_again(again, seq, "bob")
            again.read_for(3)  # longer than anything the gateway says by itself would take
            assert not again.saw("error")
            if notifications:
                assert again.ask("give", to="bob", coins=10)["code"] == "unavailable"  # a new one, and final
            deployment.worker("trade", name="trade")
            assert again.reply(seq)["data"] == {"coins": COINS - 10}
            assert again.ask("purse")["data"] == {"coins": COINS - 10}
            assert bob.ask("purse")["data"] == {"coins": COINS + 10}


def test_what_a_full_queue_refuses_for_the_second_time_is_not_refused_to_the_player_and_is_done_once(
    deployment: Deployment,
) -> None:
    most = 4
    deployment.environ |= {
        "GAMESERVER_QUEUE_MESSAGES_MAX": str(most),
        "GAMESERVER_BATCH_EVENTS_MAX": "1",
        "GAMESERVER_LANE_FLIGHT_MAX": "1",
        "GAMESERVER_REPUBLISH_AFTER_S": "2",
        "GAMESERVER_UNAVAILABLE_AFTER_S": "600",
        "GAMESERVER_LOG_LEVEL": "DEBUG",
    }
    deployment.beat()
    deployment.worker(*OTHERS, name="others")
    gateway = deployment.gateway()
    givers = [LineClient(gateway.port) for _ in range(most)]
    with LineClient(gateway.port) as bob:
        bob.register("Bob")
        for n, giver in enumerate(givers):
            giver.register(f"Giver{n}")
        seqs = [giver.post("give", to="bob", coins=10) for giver in givers]
        ids = [f"published {giver.session}:{seq}" for giver, seq in zip(givers, seqs, strict=True)]
        for id_ in ids:
            gateway.says(id_)
        assert bob.ask("give", to="giver1", coins=1)["code"] == "busy"  # the queue is full, and this was never in it
        for id_ in ids:
            gateway.says(id_, times=2)
        givers[0] = resumed(gateway.port, givers[0])
        give_again(givers[0], seqs[0], "bob")
        gateway.says(ids[0], times=4)
        for giver in givers:
            giver.read_for(0.5)
            assert not giver.saw("error")
        deployment.worker("trade", name="trade")
        for giver, seq in zip(givers, seqs, strict=True):
            assert giver.reply(seq)["data"] == {"coins": COINS - 10}
            giver.close()
        assert bob.ask("purse")["data"] == {"coins": COINS + 10 * most}


def test_a_task_that_an_operator_revoked_costs_its_event_seconds_and_others_nothing(deployment: Deployment) -> None:
    deployment.beat()
    deployment.worker(name="all")
    port = deployment.gateway().port
    with LineClient(port) as ada, LineClient(port) as bob:
        bob.register("Bob")
        ada.register("Ada")
        id_ = f"{ada.session}:{ada.seq + 1}"
        revoke = (sys.executable, "-m", "celery", "-A", "tasks", "control", "revoke", id_)
        subprocess.run(revoke, cwd=ROOT, env=deployment.environ, check=True, capture_output=True)
        assert ada.ask("give", to="bob", coins=10)["data"] == {"coins": COINS - 10}
        assert bob.ask("purse")["data"] == {"coins": COINS + 10}
        assert not ada.saw("unavailable")
        assert not bob.saw("unavailable")
        deployment.procs[1].says(f"Discarding revoked task: trade.give[{id_}]")
