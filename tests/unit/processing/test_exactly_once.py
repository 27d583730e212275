"""Exactly once, in order, and not too late."""

from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.errors import NotNow
from gameserver.limits import Limits
from gameserver.modules.building.events import Survey
from gameserver.modules.chat.events import Say
from gameserver.modules.combat.entities import Health
from gameserver.modules.combat.events import Attack
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Move, Walked
from gameserver.modules.movement.rules import move
from gameserver.modules.sessions.entities import Player
from gameserver.modules.trade.entities import Purse
from gameserver.modules.trade.events import Give
from gameserver.modules.trade.events import Purse as AskPurse
from gameserver.rules.outcome import Context, Outcome, State, rule
from gameserver.testing.two_zones import absent, creature, cut_off
from gameserver.testing.whole_entities import Whole
from tests.unit.processing.workshop import ADA, BOB, Workshop, dispatched, packet, replies, reply, walk


def test_an_event_is_applied_and_answered(workshop: Workshop) -> None:
    workshop.enter(ADA)
    applied = workshop.apply(*walk(workshop, ADA, 1))
    assert workshop.player("ada").x == 13
    assert reply(applied) == {"type": "ok", "re": 1, "data": {"zone": "meadow", "x": 13, "y": 10}}
    (direct,) = applied.outbound.unicasts
    assert (direct.conn, direct.re, direct.lane) == ("c-ada", 1, "act")
    assert [told["type"] for told in dispatched(applied)] == ["moved"]
    assert applied.outbound.done == "move"
    assert (applied.held, applied.born, applied.published) == ((), (), ())


def test_a_question_that_was_refused_is_refused_with_the_same_words_when_it_comes_again(workshop: Workshop) -> None:
    """Nobody says that the outcome is unknown: a question has none."""
    workshop.enter(ADA)
    asked = workshop.tell(ADA, Survey(zone="meadow", seq=1))
    first, again = (replies(workshop.apply(asked))[1] for _ in range(2))
    assert first["code"] == "no_builder"
    assert again == first


def test_a_durable_event_that_comes_again_is_not_applied_and_is_answered_as_before(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))
    first = workshop.apply(give)
    workshop.apply(workshop.tell(ADA, Give(to="bob", coins=5, seq=2)))
    again = workshop.apply(replace(give, conn="c9", gateway="g9"))
    assert reply(again) == reply(first) == {"type": "ok", "re": 1, "data": {"coins": 90}}
    assert [direct.conn for direct in again.outbound.unicasts] == ["c9"]
    assert (workshop.coins("ada"), workshop.coins("bob")) == (85, 115)
    assert len(workshop.due("mail")) == 2


def test_a_durable_event_whose_outcome_was_forgotten_is_answered_that_nobody_can_tell(migrated_url: str) -> None:
    workshop = Workshop(migrated_url, Limits(outcomes_kept=1))
    workshop.enter(ADA)
    workshop.put(creature())
    attack = workshop.tell(ADA, Attack(target=creature().id, seq=1))
    assert reply(workshop.apply(attack))["data"]["target"] == creature().id
    workshop.apply(workshop.tell(ADA, Attack(target="nobody", seq=2)))
    again = workshop.apply(attack)
    assert (reply(again)["code"], again.outcomes) == ("outcome_unknown", {"outcome_unknown": 1})
    workshop.store.close()


def test_a_durable_event_that_its_lane_has_passed_is_never_answered_ok_without_an_outcome(workshop: Workshop) -> None:
    """Only our own mistake makes this. Nobody may say that it took effect."""
    workshop.enter(replace(ADA, marks='{"trade":[7,3]}'), BOB)
    applied = workshop.apply(workshop.tell(ADA, Give(to="bob", coins=10, seq=5)))
    assert (reply(applied)["code"], reply(applied)["re"]) == ("outcome_unknown", 5)
    assert (workshop.coins("ada"), workshop.coins("bob")) == (100, 100)


def test_what_is_put_off_puts_off_what_follows_it_in_its_lane(workshop: Workshop) -> None:
    """In this transaction, and in the next one that knows of it; what was applied before is answered as it was."""
    workshop.enter(ADA, BOB)
    before, *gifts = [workshop.tell(ADA, Give(to="bob", coins=1, seq=seq)) for seq in (4, 5, 6)]
    workshop.apply(before)
    here = iter([False, True, True])
    give: Any = workshop.rules["give"]

    @rule(needs=give.needs)
    def now_and_then(state: State, event: Give, context: Context) -> Outcome:
        if context.player == "ada" and not next(here):
            raise NotNow("not_here", "You are not in the world.")
        outcome: Outcome = give(state, event, context)
        return outcome

    workshop.rules["give"] = now_and_then
    applied = workshop.apply(before, *gifts, workshop.tell(BOB, Give(to="ada", coins=1, seq=1)))
    unicasts = {(direct.conn, direct.re): direct for direct in applied.outbound.unicasts if direct.re}
    assert [unicasts["c-ada", seq].not_now for seq in (4, 5, 6)] == [False, True, True]
    assert not unicasts["c-bob", 1].refused
    assert list(applied.put_off) == [gifts[0].order]
    alone = workshop.applier.apply(gifts[1:], put_off=applied.put_off)
    assert (reply(alone)["code"], alone.outbound.unicasts[0].not_now) == ("not_here", True)
    assert workshop.coins("ada") == 100
    assert [answer["type"] for answer in replies(workshop.apply(*gifts)).values()] == ["ok", "ok"]
    assert workshop.coins("ada") == 98


def test_a_refusal_of_a_durable_event_is_remembered_too(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=500, seq=1))
    assert reply(workshop.apply(give))["code"] == "too_few_coins"
    workshop.put(Purse(id="ada", coins=1_000))
    assert reply(workshop.apply(give))["code"] == "too_few_coins"
    assert workshop.coins("bob") == 100


def test_a_transient_event_that_comes_again_is_answered_with_how_things_stand(workshop: Workshop) -> None:
    workshop.enter(ADA)
    first, second = walk(workshop, ADA, 1, 3)
    workshop.apply(first)
    workshop.apply(second)
    again = workshop.apply(first)
    assert workshop.player("ada").x == 14
    assert reply(again) == {"type": "ok", "re": 1, "data": {"zone": "meadow", "x": 14, "y": 10}}
    (direct,) = again.outbound.unicasts
    assert direct.follow is not None
    assert direct.follow.then == "look"
    assert [told["type"] for told in dispatched(again)] == ["appeared"]
    assert workshop.rows()["outcomes"] == 0


def test_a_transient_event_that_changes_nothing_tells_nobody_else_when_it_comes_again(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    look = workshop.tell(ADA, AskPurse(seq=1))
    workshop.apply(look)
    workshop.apply(workshop.tell(ADA, Give(to="bob", coins=10, seq=2)))
    again = workshop.apply(look)
    assert reply(again) == {"type": "ok", "re": 1, "data": {"coins": 90}}
    assert ([direct.follow for direct in again.outbound.unicasts], dispatched(again)) == ([None], [])


def breaks(state: State, event: Move, context: Context) -> Outcome:
    raise ZeroDivisionError("a broken answer")


def steps_again(state: State, event: Move, context: Context) -> Outcome:
    return Outcome(result=Walked(zone="", x=0, y=0), put=(state.of(Player)["ada"],))


def says_nothing(state: State, event: Move, context: Context) -> Outcome:
    return Outcome()


@pytest.mark.parametrize("repeat", [breaks, steps_again, says_nothing, lambda *_: None, None])
def test_where_a_rule_can_not_say_how_things_stand_nobody_can_tell(workshop: Workshop, repeat: Any) -> None:
    """And the neighbours in the batch are applied."""
    workshop.enter(ADA, BOB)
    (step,), (other,) = walk(workshop, ADA, 1), walk(workshop, BOB, 1)
    workshop.apply(step)
    workshop.rules["move"] = rule(repeat=repeat, components=(Body, Health))(lambda *given: move(*given))
    applied = workshop.apply(step, other)
    assert [packet(d).get("code") for d in applied.outbound.unicasts if d.re] == ["outcome_unknown", None]
    assert (applied.outcomes, applied.held) == ({"outcome_unknown": 1, "ok": 1}, ())
    assert (workshop.player("ada").x, workshop.player("bob").x) == (13, 14)


def test_an_event_without_a_result_is_answered_again_without_being_asked(workshop: Workshop) -> None:
    workshop.enter(ADA)
    look = workshop.tell(ADA, AskPurse(seq=1))
    workshop.apply(look)
    workshop.rules["purse"] = rule()(lambda *_: Outcome())
    spec = replace(AskPurse.spec, result=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AskPurse, "spec", spec)
        assert reply(workshop.apply(look)) == {"type": "ok", "re": 1}


def test_an_event_that_comes_twice_in_one_batch_is_applied_once(workshop: Workshop) -> None:
    workshop.enter(ADA)
    (step,) = walk(workshop, ADA, 1)
    applied = workshop.apply(step, step)
    assert workshop.player("ada").x == 13
    assert [direct.re for direct in applied.outbound.unicasts] == [1, 1]


def test_a_durable_event_that_comes_twice_in_one_batch_is_applied_once_and_answered_alike(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))
    applied = workshop.apply(give, give)
    first, second = [packet(direct) for direct in applied.outbound.unicasts if direct.re]
    assert workshop.coins("bob") == 110
    assert first == second == {"type": "ok", "re": 1, "data": {"coins": 90}}


def test_a_refused_event_that_comes_twice_in_one_batch_is_refused_twice(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=500, seq=1))
    applied = workshop.apply(give, give)
    assert [packet(direct).get("code") for direct in applied.outbound.unicasts] == ["too_few_coins"] * 2


def test_an_event_may_be_numbered_with_gaps_and_never_backwards(workshop: Workshop) -> None:
    workshop.enter(ADA)
    workshop.apply(*walk(workshop, ADA, 5))
    workshop.apply(*walk(workshop, ADA, 3))
    assert workshop.player("ada").x == 13
    workshop.apply(*walk(workshop, ADA, 101))
    assert workshop.player("ada").x == 14


def test_lanes_are_counted_apart(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.apply(*walk(workshop, ADA, 9))
    assert reply(workshop.apply(workshop.tell(ADA, Say(text="hi", seq=2))))["type"] == "ok"
    assert dispatched(workshop.apply(workshop.tell(ADA, Say(text="hi", seq=2)))) == []


def test_what_cannot_be_now_is_not_remembered(workshop: Workshop) -> None:
    workshop.enter(cut_off(ADA))
    (step,) = walk(workshop, ADA, 1)
    assert reply(workshop.apply(step))["code"] == "not_here"
    workshop.put(ADA)
    assert reply(workshop.apply(step))["type"] == "ok"
    assert workshop.player("ada").x == 13


@pytest.mark.parametrize("now", [absent(ADA), replace(ADA, session="s-later")], ids=["logged out", "in another"])
def test_an_event_of_a_session_that_is_over_is_answered_so(workshop: Workshop, now: Whole) -> None:
    workshop.enter(now)
    applied = workshop.apply(*walk(workshop, ADA, 1))
    assert (reply(applied)["code"], reply(applied)["re"]) == ("session_over", 1)
    assert workshop.player("ada") == now


def test_a_watermark_does_not_outlive_its_session(workshop: Workshop) -> None:
    """Not even where the very event that it is about ends the session."""

    @rule()
    def goes_elsewhere(state: State, event: Say, context: Context) -> Outcome:
        return Outcome(put=(replace(state.of(Player)["ada"], session="s-later"),))

    workshop.rules["say"] = goes_elsewhere
    workshop.enter(ADA)
    workshop.apply(workshop.tell(ADA, Say(text="Good bye.", seq=4)))
    assert workshop.player("ada") == replace(ADA, session="s-later")


def test_an_event_without_a_session_is_of_none_though_its_player_has_none_either(workshop: Workshop) -> None:
    workshop.enter(absent(ADA))
    (step,) = walk(workshop, ADA, 1)
    assert reply(workshop.apply(replace(step, session="")))["code"] == "session_over"


def test_an_event_of_somebody_unknown_is_of_a_session_that_is_over(workshop: Workshop) -> None:
    assert reply(workshop.apply(*walk(workshop, ADA, 1)))["code"] == "session_over"


def test_a_refused_event_moves_its_watermark_and_nothing_else(workshop: Workshop) -> None:
    workshop.enter(ADA)
    assert reply(workshop.apply(workshop.tell(ADA, Say(text="\n", seq=4))))["code"] == "empty_text"
    assert workshop.player("ada") == replace(ADA, marks='{"talk":[4,1]}')


@pytest.mark.parametrize(("age_ms", "code"), [(5_000, None), (5_001, "stale")])
def test_a_transient_event_that_waited_too_long_is_dropped_and_answered(
    workshop: Workshop, age_ms: int, code: str | None
) -> None:
    workshop.enter(ADA)
    (step,) = walk(workshop, ADA, 1)
    workshop.now_ms += age_ms
    assert reply(workshop.apply(step)).get("code") == code
    assert workshop.player("ada").x == (12 if code else 13)


def test_a_stale_event_is_passed_for_good(workshop: Workshop) -> None:
    workshop.enter(ADA)
    (step,) = walk(workshop, ADA, 1)
    workshop.now_ms += 9_000
    workshop.apply(step)
    workshop.apply(replace(step, at_ms=workshop.now_ms))
    assert workshop.player("ada").x == 12


def test_events_of_a_batch_see_what_came_before_them(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    applied = workshop.apply(*walk(workshop, ADA, 1, 3, 5), *walk(workshop, BOB, 1), *walk(workshop, ADA, 7))
    assert (workshop.player("ada").x, workshop.player("bob").x) == (16, 14)
    assert [direct.re for direct in applied.outbound.unicasts if direct.conn == "c-ada"] == [1, 3, 5, 7]
    assert [packet(d)["data"]["x"] for d in applied.outbound.unicasts if d.conn == "c-ada" and d.packet] == [
        13,
        14,
        15,
        16,
    ]


def test_coins_do_not_leave_a_purse_twice_within_a_batch(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    applied = workshop.apply(*[workshop.tell(ADA, Give(to="bob", coins=60, seq=seq)) for seq in (1, 2)])
    assert [answer["type"] for answer in replies(applied).values()] == ["ok", "error"]
    assert (workshop.coins("ada"), workshop.coins("bob")) == (40, 160)
