"""A snapshot says which families are served, and what waits."""

from gameserver.broker.connections import Depth
from tests.unit.operations.moments import gateway, moment, worker


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
