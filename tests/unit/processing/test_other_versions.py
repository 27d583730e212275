"""What another version of the code left in the database: it waits for a process that can read it, and stops nobody."""

import msgspec
import pytest

from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.events import Say
from gameserver.modules.combat.events import Reward
from gameserver.modules.sessions.entities import Gateway
from gameserver.processing import dead_letters
from gameserver.rules.outcome import Waiting
from gameserver.store.store import Stored
from gameserver.store.unread import KEPT_MS, PAUSE_MS
from tests.unit.processing.workshop import ADA, BOB, Workshop, sweep

GOOD = Envelope(id="good", event=Reward(player="ada", xp=1, slain="rat"), at_ms=0, in_outbox=True)
REWARD = {"type": "reward", "player": "ada", "xp": 1, "slain": "rat"}
OF_TOMORROW = {
    "an event type": ("event", {"id": "x", "event": {"type": "crown", "king": "ada"}, "at_ms": 0}),
    "a field": ("event", {"id": "x", "event": {**REWARD, "gems": 2}, "at_ms": 0}),
    "a type of a field": ("event", {"id": "x", "event": {**REWARD, "xp": "much"}, "at_ms": 0}),
    "no json": ("event", None),
    "talk": ("talk", {"to": 7}),
    "a kind": ("parcel", {"to": "ada"}),
}


def body_of(value: object) -> bytes:
    return msgspec.json.encode(value) if value is not None else b"\xff\x00{"


def strange(workshop: Workshop, kind: str, value: object, id_: str = "x") -> None:
    """Put a row into the outbox as another version would have, and one that can be read behind it."""
    rows = [Waiting(id_, kind, "", body_of(value)), Waiting(GOOD.id, "event", "", msgspec.json.encode(GOOD))]
    with workshop.store.transaction() as transaction:
        transaction.add_waiting(rows, workshop.now_ms, workshop.now_ms)


@pytest.fixture
def house(workshop: Workshop) -> Workshop:
    workshop.enter(ADA)
    workshop.put(Gateway(id="g1", seen_ms=2**50, sessions=1))
    return workshop


@pytest.mark.parametrize("what", OF_TOMORROW)
def test_a_row_that_cannot_be_read_ends_no_sweep(house: Workshop, what: str) -> None:
    strange(house, *OF_TOMORROW[what])
    swept = sweep(house)
    assert (swept.born, swept.held, swept.outcomes) == ((GOOD,), (), {"ok": 1, "unread": 1})
    assert house.rows()["outbox"] == 2
    assert house.store.unread(house.now_ms) == 1


def test_it_is_looked_at_again_after_a_while_and_not_at_each_sweep(house: Workshop) -> None:
    strange(house, *OF_TOMORROW["an event type"])
    looks = []
    for _ in range(PAUSE_MS // 1000):
        looks.append(sweep(house).outcomes.get("unread", 0))
        house.now_ms += 1000
    assert (sum(looks), sweep(house).outcomes["unread"]) == (1, 1)


def test_a_worker_that_can_read_it_sends_it_on(house: Workshop) -> None:
    strange(house, *OF_TOMORROW["an event type"])
    sweep(house)
    house.now_ms += PAUSE_MS
    mended = Envelope(id="x", event=Reward(player="ada", xp=2, slain="rat"), at_ms=0, in_outbox=True)
    with house.store.transaction() as transaction:  # as if this process had learned to read
        transaction.remove_waiting(["x"])
        transaction.add_waiting([Waiting("x", "event", "", msgspec.json.encode(mended))], house.now_ms, house.now_ms)
    assert mended in sweep(house).born


@pytest.mark.parametrize("what", OF_TOMORROW)
def test_what_nobody_can_read_becomes_a_dead_letter_and_a_replay_puts_it_back_as_it_was(
    house: Workshop, what: str
) -> None:
    kind, value = OF_TOMORROW[what]
    strange(house, kind, value)
    sweep(house)
    house.now_ms += KEPT_MS
    sweep(house)
    (letter,) = house.store.dead_letters()
    assert (letter.id, letter.family, letter.event, letter.envelope) == ("x", "outbox", kind, body_of(value))
    assert house.due() == [GOOD.id]
    assert dead_letters.replay(house.store, "x", house.now_ms) == "x"
    assert house.due() == [GOOD.id, "x"]
    assert house.store.dead_letters() == []
    assert sweep(house).outcomes["unread"] == 1


def test_a_message_that_cannot_be_read_goes_round_once_however_many_copies_there_are(house: Workshop) -> None:
    def put_off(ids: list[str], copy: int, now_ms: int) -> tuple[frozenset[str], int]:
        mine, number = house.store.going_on(ids, copy, now_ms)
        house.store.note_unread(sorted(mine), number, now_ms)
        return mine, number

    assert put_off(["a", "b"], 0, 1_000) == (frozenset({"a", "b"}), 1)
    assert put_off(["a"], 0, 2_000) == (frozenset(), 2), "another copy goes round"
    assert put_off(["a", "b"], 1, 9_000) == (frozenset({"a", "b"}), 2)
    assert put_off(["b", "c"], 0, 9_001)[0] == frozenset({"c"})
    assert put_off(["a"], 0, 1_000_000)[0] == frozenset({"a"}), "the other was lost"


def test_what_was_read_since_is_forgotten(house: Workshop) -> None:
    house.store.note_unread(["a"], 1, 1_000)
    house.store.note_unread(["b"], 1, 1_000 + 2 * KEPT_MS)
    assert house.rows()["unread"] == 1


def test_talk_of_today_is_sent_again(house: Workshop) -> None:
    said = house.apply(house.tell(ADA, Say(text="hi", seq=1)))
    house.now_ms += 10_000
    assert sweep(house).published == said.published


def test_an_outcome_that_cannot_be_read_costs_nobody_else_theirs(house: Workshop) -> None:
    house.enter(BOB)
    house.apply(house.tell(ADA, Say(text="hi", seq=1)))
    key = house.tell(ADA, Say(text="hi", seq=1)).key
    with house.store.transaction() as transaction:
        transaction.keep([Stored(lane=key, slot=0, session=ADA.session, seq=1, direct=b"\x93\x01\x02\x03")])
    again = house.apply(house.tell(ADA, Say(text="hi", seq=1)), house.tell(BOB, Say(text="ho", seq=1)))
    assert again.held == ()
    assert sum(again.outcomes.values()) == 2
    assert again.outcomes["ok"] == 1
