"""Bots trade in every way that there is while workers and gateways die: nothing is doubled, lost or unanswered."""

import pytest

from gameserver.testing.chaos.run import Chaos


@pytest.mark.long
@pytest.mark.timeout(300)
def test_whatever_is_traded_is_conserved(chaos: Chaos) -> None:
    report = chaos.run(profile="mixed", seed=1, seconds=60, clients=12, rate=5.0, every_s=1.5)
    print(report)
    for event in ("offer", "accept", "post", "openletter", "sell", "buyfrom", "deposit", "drop", "take"):
        assert report.ends[f"{event} ok"], event
        assert report.killed_within[event], event
    assert report.killed_within[""] == sum(n for fault, n in report.faults.items() if fault.startswith("kill "))
