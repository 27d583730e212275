"""No is final: what may be in the queue is not refused, whatever becomes of its connection, and is done once."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from gameserver.declare import catalogue
from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from tests.operators import celery

COINS = 100  # in a new purse
ANSWERED_S_MAX = 60.0  # what is lost is published again after 22 s
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


@pytest.fixture
def gifts(deployment: Deployment) -> Iterator["Gifts"]:
    """Who gives and who is given, in a deployment without a worker for gifts."""
    deployment.environ |= {
        "GAMESERVER_LOG_LEVEL": "DEBUG",  # shows what is published
        "GAMESERVER_UNAVAILABLE_AFTER_S": "16",  # an operator's commands take a while
        "GAMESERVER_REPUBLISH_AFTER_S": "22",  # whoever is not probed is condemned before
    }
    deployment.beat()
    deployment.worker(*OTHERS, name="others")
    with closing(Gifts(deployment)) as made:
        yield made


class Gifts:
    """Three players, of whom each gives 10 coins to a fourth one, in a batch of its own."""

    def __init__(self, deployment: Deployment) -> None:
        self._gateway = deployment.gateway()
        self.givers = [LineClient(self._gateway.port) for _ in range(3)]
        self._given = LineClient(self._gateway.port)
        self._given.register("Bob")
        for n, giver in enumerate(self.givers):
            giver.register(f"Giver{n}")

    def next_ids(self) -> list[str]:
        """The ids that their gifts will have."""
        return [f"{giver.session}:{giver.seq + 1}" for giver in self.givers]

    def give(self) -> list[int]:
        """All give. Returns the numbers of their gifts, which are published by then."""
        ids = self.next_ids()
        seqs = []
        for giver, id_ in zip(self.givers, ids, strict=True):
            seqs.append(giver.post("give", to="bob", coins=10))
            self._gateway.says(f"published {id_}")  # the next one is in another batch
        return seqs

    def end_well(self, seqs: list[int]) -> None:
        """All are answered, each gift was given once, and nobody was told that gifts are unavailable."""
        for giver, seq in zip(self.givers, seqs, strict=True):
            assert giver.reply(seq, ANSWERED_S_MAX)["data"] == {"coins": COINS - 10}
        assert self._given.ask("purse")["data"] == {"coins": COINS + 10 * len(seqs)}
        for client in (*self.givers, self._given):
            assert not client.saw("unavailable")

    def close(self) -> None:
        for client in (*self.givers, self._given):
            client.close()


def test_tasks_that_an_operator_revoked_one_after_the_other_cost_their_events_seconds_and_others_nothing(
    deployment: Deployment, gifts: Gifts
) -> None:
    """Not even when they are all that a family had under way: it is probed before anybody is told anything."""
    worker = deployment.worker("trade", name="trade")
    ids = gifts.next_ids()
    celery(deployment, "control", "revoke", *ids)
    gifts.end_well(gifts.give())
    for id_ in ids:
        worker.says(f"Discarding revoked task: trade.give[{id_}]")


def test_what_an_operator_purged_is_published_again(deployment: Deployment, gifts: Gifts) -> None:
    worker = deployment.worker("trade", name="trade")
    celery(deployment, "control", "cancel_consumer", "trade")
    seqs = gifts.give()
    assert "messages" in celery(deployment, "purge", "-f", "-Q", "trade")
    celery(deployment, "control", "add_consumer", "trade")
    gifts.end_well(seqs)
    assert worker.alive


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGKILL"])
def test_a_task_that_an_operator_terminated_harms_nobody_else_and_is_done_once(
    deployment: Deployment, gifts: Gifts, signal_name: str
) -> None:
    held_by = deployment.folder / "held"
    held_by.touch()
    worker = deployment.worker("trade", name="trade", env={"HELD_BY": str(held_by)}, options=("-I", "tests.held"))
    first, *_ = gifts.next_ids()
    seqs = gifts.give()
    worker.says(f"held {first}")
    celery(deployment, "control", "terminate", signal_name, first)
    worker.says("Terminating")
    held_by.unlink()
    gifts.end_well(seqs)
