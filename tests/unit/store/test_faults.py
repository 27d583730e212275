"""Whose fault a database error is: the same answer on both databases, and a connection that goes on."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from gameserver.errors import Corrupt, GameError, Retryable
from gameserver.rules.outcome import Waiting
from gameserver.store import Store
from gameserver.store.faults import Fault, fault_of
from gameserver.store.store import Stored, Transaction
from gameserver.testing.two_zones import account_of, player, players, put_in
from tests.selections import selected

ADA, BOB = player(), player("Bob")
TOO_WIDE = 2**63


class Odd:
    """A type that no driver knows."""


def changed(**fields: Any) -> Callable[[Transaction], Any]:
    """A change of Ada's that a rule might ask for."""

    def work(transaction: Transaction) -> None:
        ada = players(transaction.load([selected(players=("ada",))]))["ada"]
        put_in(transaction, [replace(ada, **fields)], [])

    return work


def new(**fields: Any) -> Callable[[Transaction], Any]:
    """Somebody new."""

    def work(transaction: Transaction) -> None:
        transaction.load([selected(players=("eve",))])
        put_in(transaction, [replace(player("Eve"), **fields)], [])

    return work


BAD: dict[str, Callable[[Transaction], Any]] = {
    "too wide": changed(xp=TOO_WIDE),
    "too wide below": changed(hp=-TOO_WIDE - 1),
    "far too wide": changed(x=10**40),
    "too wide, new": new(xp=TOO_WIDE),
    "no value": changed(hp=None),
    "no value, new": new(zone=None),
    "the character 0": changed(zone="mea\0dow"),
    "the character 0, new": new(zone="mea\0dow"),
    "half a character": changed(zone="\ud800"),
    "half a character, new": new(zone="\udfff"),
    "a text for a number": changed(x="far"),
    "a number for a text": changed(zone=7),
    "a fraction": changed(x=1.5),
    "a truth": changed(x=True),
    "bytes for a text": changed(zone=b"meadow"),
    "a type that no driver knows": changed(zone=Odd()),
    "a type that no driver knows, new": new(xp=Odd()),
    "an id with the character 0": lambda t: t.load([selected(players=("a\0",))]),
    "an id with half a character": lambda t: t.load([selected(players=("\ud800",))]),
    "an outcome with a number too wide": lambda t: t.keep([Stored("s/act", 0, "s", TOO_WIDE, b"")]),
    "a row of the outbox without a body": lambda t: t.add_waiting([Waiting("w", "mail", "ada", None)], 1, 1),  # type: ignore[arg-type]
    "a receiver with the character 0": lambda t: t.add_waiting([Waiting("w", "mail", "a\0", b"")], 1, 1),
    "a removal by an id with the character 0": lambda t: t.remove_waiting(["w\0"]),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_value_that_a_database_does_not_take_is_the_datas_fault_on_both(store: Store, bad: str) -> None:
    with store.transaction() as transaction:
        transaction.load([selected(players=("ada",))])
        put_in(transaction, [ADA], [])
    kept = driver_connection(store)
    with pytest.raises(Corrupt, match="bad_data"), store.transaction() as transaction:
        BAD[bad](transaction)
    with store.transaction() as transaction:
        assert players(transaction.load([selected(players=("ada", "eve"))])) == {"ada": ADA}
    assert driver_connection(store) is kept


def driver_connection(store: Store) -> Any:
    """The pool's one connection."""
    gc.collect()
    connection = store._engine.raw_connection()
    try:
        return connection.driver_connection
    finally:
        connection.close()


@pytest.mark.parametrize("field", ["hp", "x", "attack", "v", "xp"])
@pytest.mark.parametrize("value", [2**31, 2**63 - 1, -(2**63)])
def test_integers_are_as_wide_on_one_as_on_the_other(store: Store, field: str, value: int) -> None:
    with store.transaction() as transaction:
        transaction.load([selected(players=("ada",))])
        put_in(transaction, [replace(ADA, **{field: value})], [])
    with store.transaction() as transaction:
        transaction.load([selected(players=("ada",))])
        put_in(transaction, [replace(ADA, **{field: value - (1 if value > 0 else -1)})], [])
        found = players(transaction.load([selected(players=("ada",))]))["ada"]
    assert getattr(found, field) == value - (1 if value > 0 else -1)


def test_who_makes_what_somebody_else_made_has_a_conflict_and_keeps_the_connection(store: Store) -> None:
    def register() -> None:
        with store.transaction() as transaction:
            transaction.load([selected(accounts=("ada",))])
            transaction._claims.held.clear()  # as if it had been made a moment after the look
            put_in(transaction, [account_of(ADA)], [])

    register()
    kept = driver_connection(store)
    with pytest.raises(Retryable, match="conflict"):
        register()
    assert driver_connection(store) is kept


def test_a_statement_that_is_wrong_is_ours_and_nobody_waits_for_it(store: Store) -> None:
    for wrong in ("SELEC", "SELECT nothing FROM players", "SELECT * FROM nowhere"):
        with pytest.raises(Corrupt, match="bad_statement"), store.transaction() as transaction:
            transaction._rows.all(text(wrong))


class OfTheServers(Exception):
    """As a driver raises it."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("08006", Fault.AWAY),
        ("57P01", Fault.AWAY),
        ("57P03", Fault.AWAY),
        ("53300", Fault.AWAY),
        ("25006", Fault.AWAY),
        ("25P03", Fault.AWAY),
        ("0A000", Fault.AWAY),
        ("40001", Fault.CONFLICT),
        ("40P01", Fault.CONFLICT),
        ("55P03", Fault.CONFLICT),
        ("23505", Fault.CONFLICT),
        ("23502", Fault.DATA),
        ("23514", Fault.DATA),
        ("22003", Fault.DATA),
        ("22021", Fault.DATA),
        ("54000", Fault.DATA),
        ("42P01", Fault.SHAPE),
        ("42703", Fault.SHAPE),
        ("42601", Fault.STATEMENT),
        ("P0001", Fault.STATEMENT),
    ],
)
def test_postgresql_says_whose_fault_it_is(state: str, fault: Fault) -> None:
    assert fault_of(OfTheServers(state)) is fault


def test_what_a_rule_breaks_within_a_transaction_is_not_taken_for_the_databases(store: Store) -> None:
    for error in (OverflowError("mine"), TypeError("mine"), UnicodeEncodeError("utf-8", "", 0, 1, "mine")):
        with pytest.raises(type(error), match="mine"), store.transaction():
            raise error


def test_errors_of_ours_pass_as_they_are(store: Store) -> None:
    ours: GameError = Corrupt("bad_marks", "x")
    with pytest.raises(Corrupt, match="bad_marks"), store.transaction():
        raise ours
