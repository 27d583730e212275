"""What events do is written down in their transactions, on the real data tier, and compared with what is kept."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.modules.trade.events import Give
from gameserver.processing.changes import Changes
from gameserver.rules.outcome import Outcome
from gameserver.testing.effect_log import (
    AuditedBatch,
    Books,
    Entry,
    flows,
    misdeeds,
    read_books,
    repeated,
    waiting_rows,
)
from tests.unit.processing.workshop import ADA, BOB, Workshop

GIFT = Give(to="Bob", coins=7, seq=1)
MADE = Counter({("coins", ""): 200})  # what both had before anybody wrote anything down


@pytest.fixture
def audited(migrated_url: str) -> Iterator[Workshop]:
    shop = Workshop(migrated_url)
    shop.applier.batch_transaction = AuditedBatch
    shop.enter(ADA, BOB)
    yield shop
    shop.store.close()


def wrong(url: str) -> list[str]:
    books = read_books(url)
    return [*misdeeds(books.entries, MADE, books.amounts), *repeated(books.entries)]


def test_a_gift_is_written_down_once_and_nothing_is_made_or_lost(audited: Workshop, migrated_url: str) -> None:
    gift = audited.tell(ADA, GIFT)
    audited.apply(gift)
    audited.apply(gift)  # a second copy is answered as the first was
    audited.apply(audited.tell(ADA, Give(to="Nobody", coins=1, seq=2)))  # refused
    books = read_books(migrated_url)
    assert [(e.id, e.task, e.order, e.seq, e.changes) for e in books.entries] == [
        (f"{ADA.session}:1", "trade.give", f"{ADA.session}/trade", 1, ())
    ]
    assert books.amounts == MADE
    assert wrong(migrated_url) == []
    assert waiting_rows(migrated_url) == 1  # Bob is not told yet


def _without_the_giver(self: Any, outcome: Outcome) -> None:
    _fold(self, replace(outcome, put=outcome.put[1:]))


_fold = Changes.fold


def test_what_is_kept_and_no_event_explains_is_found(
    audited: Workshop, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of what the rule wanted is written."""
    monkeypatch.setattr(Changes, "fold", _without_the_giver)
    audited.apply(audited.tell(ADA, GIFT))
    assert wrong(migrated_url) == ["there are 207 of coins, and what events did makes 200 (+7)"]


def test_an_event_that_may_not_make_any_is_named_with_its_id(audited: Workshop, migrated_url: str) -> None:
    rule: Any = audited.rules["give"]

    def generous(state: Any, event: Any, context: Any) -> Outcome:
        outcome: Outcome = rule(state, event, context)
        return replace(outcome, put=outcome.put[1:])

    vars(generous).update(vars(rule))
    audited.rules["give"] = generous
    audited.apply(audited.tell(ADA, GIFT))
    (sentence,) = wrong(migrated_url)
    assert sentence.startswith(f"{ADA.session}:1: trade.give made 7 of coins, and is no source of it (")


def test_what_events_make_and_destroy_is_added_up_by_event() -> None:
    sold = [Entry(f"s{n}", "shops.sellto", n, changes=(("coins", "", n), ("stacks", "fang", -1))) for n in (3, 4)]
    bought = Entry("b", "shops.buyfrom", 9, changes=(("coins", "", -5),))
    assert flows([*sold, bought, Entry("g", "trade.give", 10)]) == {
        ("coins", "shops.sellto"): 7,
        ("stacks", "shops.sellto"): -2,
        ("coins", "shops.buyfrom"): -5,
    }


def test_an_event_that_is_applied_twice_is_found(
    audited: Workshop, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gameserver.processing.exactly_once.read_watermarks", lambda text: {})
    audited.apply(audited.tell(ADA, GIFT))
    audited.apply(audited.tell(ADA, GIFT))
    assert f"{ADA.session}:1" in wrong(migrated_url)


def test_an_empty_database_holds_nothing(migrated_url: str) -> None:
    assert read_books(migrated_url) == Books([], Counter())
