"""Notices that are merged: what was not told yet grows, what was told stays as it is until it is acknowledged."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.events import Ack, Login
from gameserver.modules.trade.events import Give, Received
from gameserver.processing.applied_batch import Applied
from gameserver.processing.merging import merge, read_untold
from gameserver.rules.needs import ids
from gameserver.rules.outcome import MAIL_MAX, Context, Notification, Outcome, State, Waiting, rule
from tests.unit.processing.workshop import ADA, BOB, EVE, PASSWORD, Workshop, entrance, notices, replies

AWAY = replace(BOB, gateway="", conn="")


def gifts(workshop: Workshop, giver: Player, first: int, *coins: int) -> Applied:
    """Give Bob so many coins each time, in one batch."""
    given = [Give(to="Bob", coins=each, seq=first + n) for n, each in enumerate(coins)]
    return workshop.apply(*(workshop.tell(giver, event) for event in given))


def told(applied: Applied) -> list[tuple[str, int, int]]:
    """What Bob is told: the notice's id, the coins and the number of gifts."""
    return [(n["id"], n["coins"], n.get("gifts", 1)) for n in notices(applied, "c-bob") if n["type"] == "received"]


def waiting(workshop: Workshop) -> tuple[Waiting, ...]:
    return workshop.load(mail=("bob",)).mail["bob"]


def fill(workshop: Workshop) -> list[str]:
    """Leave no room in Bob's mailbox. Gives the ids of what is in it."""
    rows = [Waiting(f"whisper-{n:03}", "mail", "bob", b"\x80") for n in range(MAIL_MAX)]
    with workshop.store.transaction() as transaction:
        transaction.add_waiting(rows, workshop.now_ms, 2**50)
    return [row.id for row in rows]


def test_gifts_of_one_batch_are_told_as_one(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB, EVE)
    before = workshop.coins("bob")
    batch = [
        workshop.tell(ADA, Give(to="Bob", coins=3, seq=1)),
        workshop.tell(EVE, Give(to="bob", coins=4, seq=1)),
    ]
    applied = workshop.apply(*batch)
    assert notices(applied, "c-bob") == [
        {"type": "received", "id": "s-ada:1/0", "by": "Eve", "coins": 7, "total": before + 7, "gifts": 2}
    ]
    assert [row.id for row in waiting(workshop)] == ["s-ada:1/0"]


def test_one_gift_is_told_as_it_always_was(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    (notice,) = notices(gifts(workshop, ADA, 1, 3), "c-bob")
    assert "gifts" not in notice


def test_what_was_told_stays_as_it_is(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    assert told(gifts(workshop, ADA, 1, 3)) == [("s-ada:1/0", 3, 1)]
    assert told(gifts(workshop, ADA, 2, 4)) == [("s-ada:2/0", 4, 1)]
    workshop.apply(workshop.tell(BOB, Ack(ids=["s-ada:1/0"], seq=1)))
    (left,) = waiting(workshop)
    assert (left.id, msgspec.msgpack.decode(left.body)["coins"]) == ("s-ada:2/0", 4)


def test_for_who_is_away_many_batches_become_one_notice(workshop: Workshop) -> None:
    workshop.enter(ADA, AWAY)
    for n in range(1, 6):
        assert told(gifts(workshop, ADA, n, n)) == []
    (row,) = waiting(workshop)
    assert (row.id, row.untold) == ("s-ada:1/0", True)
    assert workshop.due_by(2**50) == []  # no sweep has to look at it
    entered = workshop.apply(entrance(workshop, Login(name="Bob", password=PASSWORD, seq=1), "Bob"))
    (notice,) = (n for n in notices(entered, entered.outbound.unicasts[0].conn) if n["type"] == "received")
    assert (notice["id"], notice["coins"], notice["gifts"]) == ("s-ada:1/0", 15, 5)
    assert not waiting(workshop)[0].untold
    assert workshop.due("mail") == ["s-ada:1/0"]


def test_after_that_it_is_not_merged_into(workshop: Workshop) -> None:
    workshop.enter(ADA, AWAY)
    gifts(workshop, ADA, 1, 1, 2)
    workshop.apply(entrance(workshop, Login(name="Bob", password=PASSWORD, seq=1), "Bob"))
    gifts(workshop, ADA, 3, 4)
    assert [msgspec.msgpack.decode(row.body)["coins"] for row in waiting(workshop)] == [3, 4]


def test_a_full_mailbox_refuses_no_gift(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    full = fill(workshop)
    for n in range(1, 4):
        applied = gifts(workshop, ADA, n, n)
        assert told(applied) == []
        assert replies(applied)[n]["type"] == "ok"
    assert len(waiting(workshop)) == MAIL_MAX + 1
    acknowledged = workshop.apply(workshop.tell(BOB, Ack(ids=full[:2], seq=1)))
    assert told(acknowledged) == [("s-ada:1/0", 6, 3)]
    assert told(gifts(workshop, ADA, 4, 9)) == [("s-ada:4/0", 9, 1)]


def test_what_waited_is_told_with_the_next_gift_when_there_is_room(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    full = fill(workshop)
    gifts(workshop, ADA, 1, 1)
    with workshop.store.transaction() as transaction:  # by a process that does not know of what waits
        transaction.remove_waiting(full)
    assert told(gifts(workshop, ADA, 2, 2)) == [("s-ada:1/0", 3, 2)]


def test_what_was_not_told_can_not_be_acknowledged(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    fill(workshop)
    gifts(workshop, ADA, 1, 5)
    workshop.apply(workshop.tell(BOB, Ack(ids=["s-ada:1/0"], seq=1)))
    assert "s-ada:1/0" in {row.id for row in waiting(workshop)}


def test_a_replay_adds_nothing(workshop: Workshop) -> None:
    workshop.enter(ADA, AWAY)
    for _ in range(3):
        gifts(workshop, ADA, 1, 5, 6)
    (row,) = waiting(workshop)
    assert msgspec.msgpack.decode(row.body)["coins"] == 11


def test_what_another_version_wrote_is_left_as_it_is(workshop: Workshop) -> None:
    workshop.enter(ADA, AWAY)
    newer = msgspec.msgpack.encode({"type": "received", "id": "n", "by": "Eve", "coins": 1, "total": 1, "mood": "glad"})
    with workshop.store.transaction() as transaction:
        transaction.add_waiting([Waiting("n", "mail", "bob", newer, untold=True)], workshop.now_ms, 0)
    gifts(workshop, ADA, 1, 5)
    assert {row.id: row.body for row in waiting(workshop)}["n"] == newer
    assert len(waiting(workshop)) == 2


def test_who_is_told_must_be_locked_and_counted(workshop: Workshop) -> None:
    @rule(needs=lambda event, context: (ids(Player, "bob"),))
    def careless(state: State, event: Any, context: Context) -> Outcome:
        return Outcome(notifications=(Notification(notice=Received(by="a", coins=1, total=1), player="bob"),))

    workshop.enter(ADA, BOB)
    workshop.rules["give"] = careless
    (held,) = gifts(workshop, ADA, 1, 5).held
    assert "mail_count(receiver)" in str(held.cause)


GIFT = Received(id="x", by="Ada", coins=1, total=1)


@pytest.mark.parametrize("coins", [2**60, "many", None])
def test_what_makes_no_sum_is_told_apart(coins: Any) -> None:
    assert merge(GIFT, replace(GIFT, coins=coins)) is None
    assert merge(replace(GIFT, coins=coins), GIFT) is None


def test_it_keeps_the_id_of_the_first() -> None:
    merged = merge(GIFT, Received(id="y", by="Eve", coins=2, total=9, gifts=3))
    assert merged == Received(id="x", by="Eve", coins=3, total=9, gifts=4)


def test_no_other_notice_is_read_as_one_that_is_merged() -> None:
    assert read_untold(msgspec.msgpack.encode({"type": "heard", "id": "x"})) is None
    assert read_untold(b"\xff") is None
