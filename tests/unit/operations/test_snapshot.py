"""A snapshot says which families are served, and what waits."""

from gameserver.broker.connections import Depth
from tests.unit.operations.moments import everyone, gateway, moment, worker


def test_what_is_served_and_what_waits() -> None:
    found = moment(
        gateways=(
            gateway("g1", waiting={"combat": 2}, oldest_s={"combat": 0.5}),
            gateway("g2", waiting={"combat": 1}, oldest_s={"combat": 3.0}),
        ),
        workers=(worker("c1@h", "combat"),),
        depths={"combat": Depth(4, 1), "combat.attack": Depth(2, 0)},
    )
    assert [w.name for w in found.serving("combat")] == ["c1@h"]
    assert found.unserved("combat") == ("combat.attack",)
    assert found.unserved("chat") == ("chat",)
    assert (found.waiting("combat"), found.oldest_s("combat"), found.batches("combat")) == (3, 3.0, 6)


def test_a_snapshot_is_complete_when_the_broker_counts_no_worker_that_did_not_answer() -> None:
    assert moment().is_complete
    assert not moment(gateways=()).is_complete
    assert not moment(workers=()).is_complete
    assert not moment(workers=everyone()[1:]).is_complete  # chat has a consumer, who is silent
    assert moment(workers=everyone()[1:], depths={"chat": Depth(0, 0), "world": Depth(0, 1)}).is_complete


def test_the_names_of_a_snapshot_are_those_who_answered() -> None:
    assert moment().names == {"g1", "chat1@h", "combat1@h", "world1@h"}
