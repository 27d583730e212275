"""Bots trade in every way that there is while workers and gateways die: nothing is doubled, lost or unanswered."""

from pathlib import Path

import pytest

from gameserver.testing.broker import Vhost
from gameserver.testing.chaos.run import Chaos
from tests import places
from tests.databases import DIALECTS

DONE = ("offer", "accept", "post", "openletter", "sell", "buyfrom", "deposit", "drop", "take")
TRIED = ("bid", "craft", "enter", "give")  # the time is too short for each to succeed
KEEPS = ("putin", "takeout", "stow", "fetch", "rummage", "store", "retrieve")  # nor does each bot find a chest


@pytest.fixture(params=DIALECTS)
def chaos_of_each(request: pytest.FixtureRequest, vhost: Vhost, tmp_path: Path) -> Chaos:
    """Chaos on SQLite and on PostgreSQL."""
    database_url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    return Chaos(vhost.url, tmp_path / "server", database_url)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_whatever_is_traded_is_conserved_and_is_in_a_place(chaos_of_each: Chaos) -> None:
    report = chaos_of_each.run(
        profile="mixed", seed=1, seconds=120, clients=12, rate=5.0, every_s=1.5, inspect=places.faults
    )
    print(report)
    for event in DONE:
        assert report.ends[f"{event} ok"], event
    for event in (*DONE, *TRIED):
        assert report.killed_within[event], event
    assert any(report.killed_within[event] for event in KEEPS)
    assert report.killed_within[""] == sum(n for fault, n in report.faults.items() if fault.startswith("kill "))
