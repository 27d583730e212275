"""Events that break, and those that are given up."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gameserver.errors import Retryable
from gameserver.messages.envelope import Envelope
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions.events import Login, Register
from gameserver.modules.trade.events import Give
from gameserver.modules.world.events import Tick
from gameserver.rules.outcome import Context, Outcome, Reader, State, rule
from gameserver.store.store import Trial
from gameserver.testing.two_zones import NOW_MS
from tests.selections import selected
from tests.unit.processing.workshop import (
    ADA,
    BOB,
    EVE,
    PASSWORD,
    Workshop,
    breaks_for,
    broken,
    entrance,
    reply,
    walk,
)


def test_a_broken_event_and_what_follows_it_in_its_lane_are_held_and_its_neighbours_applied(
    workshop: Workshop,
) -> None:
    workshop.enter(ADA, BOB, EVE)
    workshop.rules["move"] = breaks_for("ada", workshop.rules["move"])
    guilty, follower = walk(workshop, ADA, 1, 3)
    batch = [*walk(workshop, BOB, 1), guilty, *walk(workshop, EVE, 1), follower, *walk(workshop, BOB, 3)]
    applied = workshop.apply(*batch)
    (held,) = applied.held
    assert held.envelopes == (guilty, follower)
    assert isinstance(held.cause, ZeroDivisionError)
    assert (workshop.player("ada").x, workshop.player("bob").x, workshop.player("eve").x) == (12, 15, 5)
    assert {direct.conn for direct in applied.outbound.unicasts if direct.re} == {"c-bob", "c-eve"}
    again = workshop.apply(*batch)
    assert (workshop.player("bob").x, workshop.player("eve").x) == (15, 5)
    assert again.held[0].envelopes == (guilty, follower)


def test_what_came_before_the_broken_event_in_its_lane_is_applied(workshop: Workshop) -> None:
    workshop.enter(ADA)
    healthy = workshop.rules["move"]

    @rule(components=healthy.components)  # type: ignore[attr-defined]
    def fragile(state: State, event: Move, context: Context) -> Outcome:
        return broken(state, event, context) if event.seq == 3 else healthy(state, event, context)

    workshop.rules["move"] = fragile
    before, guilty, after = walk(workshop, ADA, 1, 3, 5)
    applied = workshop.apply(before, guilty, after)
    assert applied.held[0].envelopes == (guilty, after)
    assert workshop.player("ada").x == 13
    workshop.rules["move"] = healthy
    workshop.apply(*applied.held[0].envelopes)
    assert workshop.player("ada").x == 15


def test_events_without_a_session_are_held_alone(workshop: Workshop) -> None:
    workshop.rules["tick"] = rule(needs=lambda event, context: selected())(lambda *_: broken(*_))
    ticks = [Envelope(id=f"tick:{n}", event=Tick(n=n), at_ms=workshop.now_ms) for n in (1, 2)]
    assert [held.envelopes for held in workshop.apply(*ticks).held] == [(ticks[0],), (ticks[1],)]


def test_a_preparation_that_breaks_holds_its_own_event_only(workshop: Workshop) -> None:
    def prepare(event: Register, context: Context, reader: Reader, passwords: Any) -> str:
        if event.name == "Ada":
            raise ZeroDivisionError
        return "hashed"

    register: Any = workshop.rules["register"]
    workshop.rules["register"] = rule(needs=register.needs, prepare=prepare)(lambda *_: register(*_))
    batch = [entrance(workshop, Register(name=name, password=PASSWORD, seq=1), name) for name in ("Ada", "Bob")]
    applied = workshop.apply(*batch)
    assert applied.held[0].envelopes == (batch[0],)
    assert workshop.player("bob").name == "Bob"


def test_a_database_that_is_away_during_a_preparation_is_nobodys_failure(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(kind: Any, id_: str) -> None:
        raise Retryable("database_away", "Not now.")

    monkeypatch.setattr(workshop.store, "get", away)
    with pytest.raises(Retryable, match="database_away"):
        workshop.apply(entrance(workshop, Login(name="Ada", password=PASSWORD, seq=1), "Ada"))


def test_a_rule_that_is_missing_holds_its_event(workshop: Workshop) -> None:
    workshop.enter(ADA)
    del workshop.rules["move"]
    (step,) = walk(workshop, ADA, 1)
    assert workshop.apply(step).held[0].envelopes == (step,)


def test_what_is_given_up_is_kept_answered_and_passed(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))
    applied = workshop.applier.dead_letter(give, ZeroDivisionError("a broken rule"), 4)
    assert (reply(applied)["code"], reply(applied)["re"]) == ("dead_lettered", 1)
    (letter,) = workshop.store.dead_letters()
    assert (letter.id, letter.family, letter.event, letter.player) == (give.id, "trade", "give", "ada")
    assert (letter.attempts, letter.cause, letter.at_ms) == (4, "ZeroDivisionError: a broken rule", NOW_MS)
    assert msgspec.json.decode(letter.envelope, type=Envelope) == give
    assert reply(workshop.apply(give))["code"] == "dead_lettered"
    assert workshop.coins("bob") == 100
    assert reply(workshop.apply(workshop.tell(ADA, Give(to="bob", coins=1, seq=2))))["type"] == "ok"


@pytest.mark.parametrize("marks", ["", "{", '{"act":7}', "null"])
def test_marks_that_nobody_can_read_fail_their_player_and_are_left_as_they_are(workshop: Workshop, marks: str) -> None:
    workshop.enter(ADA, BOB)
    workshop.put(replace(ADA, marks=marks))
    guilty, follower = walk(workshop, ADA, 1, 3)
    applied = workshop.apply(guilty, *walk(workshop, BOB, 1), follower)
    (held,) = applied.held
    assert held.envelopes == (guilty, follower)
    assert str(held.cause).startswith("bad_marks")
    assert reply(applied)["type"] == "ok"
    buried = workshop.applier.dead_letter(guilty, held.cause, 4)
    assert reply(buried)["code"] == "dead_lettered"
    assert [letter.id for letter in workshop.store.dead_letters()] == [guilty.id]
    assert workshop.player("ada") == replace(ADA, marks=marks)


def test_what_was_given_up_is_given_up_once(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))
    workshop.applier.dead_letter(give, ZeroDivisionError("first"), 4)
    again = workshop.applier.dead_letter(give, ZeroDivisionError("second"), 5)
    assert [letter.cause for letter in workshop.store.dead_letters()] == ["ZeroDivisionError: first"]
    assert reply(again)["code"] == "dead_lettered"  # the answer to the first may have been lost


def test_another_copy_of_what_was_given_up_is_answered_so_and_not_tried_again(workshop: Workshop) -> None:
    """The first copy came over a connection that is gone: whoever waits, waits for the answer to the second."""

    def fails(event: Give, context: Context, reader: Reader, passwords: Any) -> None:
        raise ZeroDivisionError

    workshop.enter(ADA, BOB)
    workshop.rules["give"] = rule(prepare=fails)(broken)
    event = Give(to="Bob", coins=10, seq=1)
    workshop.applier.dead_letter(workshop.tell(ADA, event, conn="gone"), ZeroDivisionError("no"), 4)
    copy = workshop.tell(ADA, event)
    for answered in (workshop.apply(copy), workshop.applier.dead_letter(copy, ZeroDivisionError("no"), 4)):
        assert not answered.held
        assert reply(answered)["code"] == "dead_lettered"
        assert [direct.conn for direct in answered.outbound.unicasts] == [ADA.conn]


def test_what_was_applied_after_all_is_not_given_up(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))
    workshop.apply(give)
    workshop.applier.dead_letter(give, ZeroDivisionError("late"), 4)
    assert workshop.store.dead_letters() == []


def test_a_login_that_is_given_up_is_answered_and_its_password_stays_sealed(workshop: Workshop) -> None:
    envelope = entrance(workshop, Login(name="Ada", password=PASSWORD, seq=1), "Ada")
    applied = workshop.applier.dead_letter(envelope, ZeroDivisionError("x"), 4)
    assert reply(applied)["code"] == "dead_lettered"
    (letter,) = workshop.store.dead_letters()
    assert PASSWORD.encode() not in letter.envelope
    assert PASSWORD not in letter.traceback


def test_trials_are_forgotten_when_an_event_comes_to_an_end(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.rules["move"] = breaks_for("ada", workshop.rules["move"])
    (fine,), (guilty,) = walk(workshop, BOB, 1), walk(workshop, ADA, 1)
    for envelope in (fine, guilty):
        workshop.applier.apply([envelope], trial=Trial(envelope.id, 1))
    assert workshop.store.trials([fine.id, guilty.id]) == {guilty.id: 1}
    workshop.applier.dead_letter(guilty, ZeroDivisionError("x"), 4)
    assert workshop.rows()["trials"] == 0
