"""Everything that the server does to the database against everything else, on PostgreSQL: nobody waits in a circle."""

import pytest

from tests.deadlocks import PAIRS, deadlocks_counted, hunt


@pytest.mark.parametrize("seed", [1, 2])
def test_no_two_transactions_wait_for_each_other_in_a_circle(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    before = deadlocks_counted(postgresql_url)
    with hunt(postgresql_url, monkeypatch, seed) as hunted:
        for pair in PAIRS:
            hunted.pair(*pair)
        assert hunted.deadlocks == []
    assert deadlocks_counted(postgresql_url) == before
