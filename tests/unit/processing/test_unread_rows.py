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
from gameserver.store.unread_rows import KEPT_MS, PAUSE_MS
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
def populated(workshop: Workshop) -> Workshop:
    workshop.enter(ADA)
    workshop.put(Gateway(id="g1", seen_ms=2**50, sessions=1))
    return workshop


@pytest.mark.parametrize("what", OF_TOMORROW)
def test_a_row_that_cannot_be_read_ends_no_sweep(populated: Workshop, what: str) -> None:
    strange(populated, *OF_TOMORROW[what])
    swept = sweep(populated)
    assert (swept.born, swept.held, swept.outcomes) == ((GOOD,), (), {"ok": 1, "unread": 1})
    assert populated.rows()["outbox"] == 2
    assert populated.store.unread(populated.now_ms) == 1


def test_it_is_looked_at_again_after_a_while_and_not_at_each_sweep(populated: Workshop) -> None:
    strange(populated, *OF_TOMORROW["an event type"])
    looks = []
    for _ in range(PAUSE_MS // 1000):
        looks.append(sweep(populated).outcomes.get("unread", 0))
        populated.now_ms += 1000
    assert (sum(looks), sweep(populated).outcomes["unread"]) == (1, 1)


def test_a_worker_that_can_read_it_sends_it_on(populated: Workshop) -> None:
    strange(populated, *OF_TOMORROW["an event type"])
    sweep(populated)
    populated.now_ms += PAUSE_MS
    mended = Envelope(id="x", event=Reward(player="ada", xp=2, slain="rat"), at_ms=0, in_outbox=True)
    with populated.store.transaction() as transaction:  # as if this process had learned to read
        transaction.remove_waiting(["x"])
        transaction.add_waiting(
            [Waiting("x", "event", "", msgspec.json.encode(mended))], populated.now_ms, populated.now_ms
        )
    assert mended in sweep(populated).born


@pytest.mark.parametrize("what", OF_TOMORROW)
def test_what_nobody_can_read_becomes_a_dead_letter_and_a_replay_puts_it_back_as_it_was(
    populated: Workshop, what: str
) -> None:
    kind, value = OF_TOMORROW[what]
    strange(populated, kind, value)
    sweep(populated)
    populated.now_ms += KEPT_MS
    sweep(populated)
    (letter,) = populated.store.dead_letters()
    assert (letter.id, letter.family, letter.event, letter.envelope) == ("x", "outbox", kind, body_of(value))
    assert populated.due() == [GOOD.id]
    assert dead_letters.replay(populated.store, "x", populated.now_ms) == "x"
    assert populated.due() == [GOOD.id, "x"]
    assert populated.store.dead_letters() == []
    assert sweep(populated).outcomes["unread"] == 1


def test_a_message_that_cannot_be_read_goes_round_once_however_many_copies_there_are(populated: Workshop) -> None:
    def put_off(ids: list[str], copy: int, now_ms: int) -> tuple[frozenset[str], int]:
        mine, number = populated.store.going_on(ids, copy, now_ms)
        populated.store.note_unread(sorted(mine), number, now_ms)
        return mine, number

    assert put_off(["a", "b"], 0, 1_000) == (frozenset({"a", "b"}), 1)
    assert put_off(["a"], 0, 2_000) == (frozenset(), 2), "another copy goes round"
    assert put_off(["a", "b"], 1, 9_000) == (frozenset({"a", "b"}), 2)
    assert put_off(["b", "c"], 0, 9_001)[0] == frozenset({"c"})
    assert put_off(["a"], 0, 1_000_000)[0] == frozenset({"a"}), "the other was lost"


def test_what_was_read_since_is_forgotten(populated: Workshop) -> None:
    populated.store.note_unread(["a"], 1, 1_000)
    populated.store.note_unread(["b"], 1, 1_000 + 2 * KEPT_MS)
    assert populated.rows()["unread"] == 1


def test_talk_of_today_is_sent_again(populated: Workshop) -> None:
    said = populated.apply(populated.tell(ADA, Say(text="hi", seq=1)))
    populated.now_ms += 10_000
    assert sweep(populated).published == said.published


def test_an_outcome_that_cannot_be_read_costs_nobody_else_theirs(populated: Workshop) -> None:
    populated.enter(BOB)
    populated.apply(populated.tell(ADA, Say(text="hi", seq=1)))
    key = populated.tell(ADA, Say(text="hi", seq=1)).key
    with populated.store.transaction() as transaction:
        transaction.keep([Stored(lane=key, slot=0, session=ADA.session, seq=1, direct=b"\x93\x01\x02\x03")])
    again = populated.apply(populated.tell(ADA, Say(text="hi", seq=1)), populated.tell(BOB, Say(text="ho", seq=1)))
    assert again.held == ()
    assert sum(again.outcomes.values()) == 2
    assert again.outcomes["ok"] == 1
