from typing import Any

import msgspec
import pytest
from cryptography.fernet import Fernet
from msgspec.structs import replace

from gameserver.errors import NotNow, Rejected, Retryable
from gameserver.events.base import Event
from gameserver.events.chat import Join, Say, Talk, Whisper
from gameserver.events.combat import Attack, Reward
from gameserver.events.envelope import Envelope
from gameserver.events.movement import Look, Move
from gameserver.events.sessions import Ack, Heartbeat, Login, Logout, Lost, Register, Resume
from gameserver.events.trade import Give, Purse
from gameserver.events.world import Stir, Sweep, Tick
from gameserver.limits import Limits
from gameserver.rules.outcome import Context, Needs, Outcome, Reader, State, rule
from gameserver.rules.sessions import SESSION_MS
from gameserver.secrecy import Sealer
from gameserver.world.state import PULSE, Gateway, Membership, ZoneClock
from tests.unit.apply.workshop import Workshop, dispatched, notices, packet, replies, reply
from tests.unit.rules.scenes import NOW_MS, absent, creature, player, session_of

ADA, BOB, EVE = player(), player("Bob", x=13), player("Eve", zone="town", x=4, y=4, gateway="g2")
PASSWORD = "long enough"


def broken(state: State, event: Any, context: Context) -> Outcome:
    """A rule that breaks."""
    raise ZeroDivisionError("a broken rule")


def breaks_for(whom: str, healthy: Any) -> Any:
    """A rule that breaks for one player only."""

    @rule(needs=healthy.needs, prepare=healthy.prepare)
    def choosy(state: State, event: Any, context: Context) -> Outcome:
        if context.player == whom:
            raise ZeroDivisionError("a broken rule")
        outcome: Outcome = healthy(state, event, context)
        return outcome

    return choosy


def walk(workshop: Workshop, body: Any, *seqs: int) -> list[Envelope]:
    return [workshop.tell(body, Move(dir="e" if seq % 2 else "w", seq=seq)) for seq in seqs]


# Exactly once.


def test_an_event_is_applied_and_answered(workshop: Workshop) -> None:
    workshop.enter(ADA)
    applied = workshop.apply(*walk(workshop, ADA, 1))
    assert workshop.player("ada").x == 13
    assert reply(applied) == {"type": "ok", "re": 1, "data": {"zone": "meadow", "x": 13, "y": 10}}
    (direct,) = applied.outbound.directs
    assert (direct.conn, direct.re, direct.lane) == ("c-ada", 1, "act")
    assert [told["type"] for told in dispatched(applied)] == ["moved"]
    assert applied.outbound.done == "move"
    assert (applied.held, applied.born, applied.published) == ((), (), ())


def test_a_durable_event_that_comes_again_is_not_applied_and_is_answered_as_before(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))
    first = workshop.apply(give)
    workshop.apply(workshop.tell(ADA, Give(to="bob", coins=5, seq=2)))
    again = workshop.apply(replace(give, conn="c9", gateway="g9"))
    assert reply(again) == reply(first) == {"type": "ok", "re": 1, "data": {"coins": 90}}
    assert [direct.conn for direct in again.outbound.directs] == ["c9"]
    assert (workshop.player("ada").coins, workshop.player("bob").coins) == (85, 115)
    assert len(workshop.due("mail")) == 2


def test_a_durable_event_whose_outcome_was_forgotten_is_answered_without_one(migrated_url: str) -> None:
    workshop = Workshop(migrated_url, Limits(outcomes_kept=1))
    workshop.enter(ADA)
    workshop.put(creature())
    attack = workshop.tell(ADA, Attack(target=creature().id, seq=1))
    assert reply(workshop.apply(attack))["data"]["target"] == creature().id
    workshop.apply(workshop.tell(ADA, Attack(target="nobody", seq=2)))
    assert reply(workshop.apply(attack)) == {"type": "ok", "re": 1}
    workshop.store.close()


def test_a_refusal_of_a_durable_event_is_remembered_too(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=500, seq=1))
    assert reply(workshop.apply(give))["code"] == "too_few_coins"
    workshop.put(replace(ADA, coins=1_000))
    assert reply(workshop.apply(give))["code"] == "too_few_coins"
    assert workshop.player("bob").coins == 100


def test_a_transient_event_that_comes_again_is_answered_with_how_things_stand(workshop: Workshop) -> None:
    workshop.enter(ADA)
    first, second = walk(workshop, ADA, 1, 3)
    workshop.apply(first)
    workshop.apply(second)
    again = workshop.apply(first)
    assert workshop.player("ada").x == 14
    assert reply(again) == {"type": "ok", "re": 1, "data": {"zone": "meadow", "x": 14, "y": 10}}
    (direct,) = again.outbound.directs
    assert direct.follow is not None
    assert direct.follow.then == "look"
    assert [told["type"] for told in dispatched(again)] == ["appeared"]
    assert workshop.rows()["outcomes"] == 0


def test_an_event_that_comes_twice_in_one_batch_is_applied_once(workshop: Workshop) -> None:
    workshop.enter(ADA)
    (step,) = walk(workshop, ADA, 1)
    applied = workshop.apply(step, step)
    assert workshop.player("ada").x == 13
    assert [direct.re for direct in applied.outbound.directs] == [1, 1]


def test_a_durable_event_that_comes_twice_in_one_batch_is_applied_once_and_answered_alike(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))
    applied = workshop.apply(give, give)
    first, second = [packet(direct) for direct in applied.outbound.directs if direct.re]
    assert workshop.player("bob").coins == 110
    assert first == second == {"type": "ok", "re": 1, "data": {"coins": 90}}


def test_a_refused_event_that_comes_twice_in_one_batch_is_refused_twice(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=500, seq=1))
    applied = workshop.apply(give, give)
    assert [packet(direct).get("code") for direct in applied.outbound.directs] == ["too_few_coins"] * 2


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
    workshop.enter(absent(ADA))
    workshop.put(session_of(ADA))
    (step,) = walk(workshop, ADA, 1)
    assert reply(workshop.apply(step))["code"] == "not_here"
    workshop.put(ADA)
    assert reply(workshop.apply(step))["type"] == "ok"
    assert workshop.player("ada").x == 13


def test_an_event_of_a_session_that_is_over_is_answered_so(workshop: Workshop) -> None:
    workshop.put(ADA)
    applied = workshop.apply(*walk(workshop, ADA, 1))
    assert (reply(applied)["code"], reply(applied)["re"]) == ("session_over", 1)
    assert workshop.player("ada") == ADA


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
    assert [direct.re for direct in applied.outbound.directs if direct.conn == "c-ada"] == [1, 3, 5, 7]
    assert [packet(d)["data"]["x"] for d in applied.outbound.directs if d.conn == "c-ada" and d.packet] == [
        13,
        14,
        15,
        16,
    ]


def test_coins_do_not_leave_a_purse_twice_within_a_batch(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    applied = workshop.apply(*[workshop.tell(ADA, Give(to="bob", coins=60, seq=seq)) for seq in (1, 2)])
    assert [answer["type"] for answer in replies(applied).values()] == ["ok", "error"]
    assert (workshop.player("ada").coins, workshop.player("bob").coins) == (40, 160)


# A broken rule.


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
    assert {direct.conn for direct in applied.outbound.directs if direct.re} == {"c-bob", "c-eve"}
    again = workshop.apply(*batch)
    assert (workshop.player("bob").x, workshop.player("eve").x) == (15, 5)
    assert again.held[0].envelopes == (guilty, follower)


def test_what_came_before_the_broken_event_in_its_lane_is_applied(workshop: Workshop) -> None:
    workshop.enter(ADA)
    healthy = workshop.rules["move"]

    @rule()
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
    workshop.rules["tick"] = rule(needs=lambda event, context: Needs())(lambda *_: broken(*_))
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
    def away(player: str) -> None:
        raise Retryable("database_away", "Not now.")

    monkeypatch.setattr(workshop.store, "account", away)
    with pytest.raises(Retryable, match="database_away"):
        workshop.apply(entrance(workshop, Login(name="Ada", password=PASSWORD, seq=1), "Ada"))


def test_a_rule_that_is_missing_holds_its_event(workshop: Workshop) -> None:
    workshop.enter(ADA)
    del workshop.rules["move"]
    (step,) = walk(workshop, ADA, 1)
    assert workshop.apply(step).held[0].envelopes == (step,)


# Giving up.


def test_what_is_given_up_is_kept_answered_and_passed(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))
    applied = workshop.applier.bury(give, ZeroDivisionError("a broken rule"), 4)
    assert (reply(applied)["code"], reply(applied)["re"]) == ("dead_lettered", 1)
    (letter,) = workshop.store.dead_letters()
    assert (letter.id, letter.family, letter.event, letter.player) == (give.id, "trade", "give", "ada")
    assert (letter.attempts, letter.cause, letter.at_ms) == (4, "ZeroDivisionError: a broken rule", NOW_MS)
    assert msgspec.json.decode(letter.envelope, type=Envelope) == give
    assert reply(workshop.apply(give))["code"] == "dead_lettered"
    assert workshop.player("bob").coins == 100
    assert reply(workshop.apply(workshop.tell(ADA, Give(to="bob", coins=1, seq=2))))["type"] == "ok"


def test_what_was_given_up_is_given_up_once(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))
    workshop.applier.bury(give, ZeroDivisionError("first"), 4)
    again = workshop.applier.bury(give, ZeroDivisionError("second"), 5)
    assert [letter.cause for letter in workshop.store.dead_letters()] == ["ZeroDivisionError: first"]
    assert replies(again) == {}


def test_what_was_applied_after_all_is_not_given_up(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))
    workshop.apply(give)
    workshop.applier.bury(give, ZeroDivisionError("late"), 4)
    assert workshop.store.dead_letters() == []


def test_a_login_that_is_given_up_is_answered_and_its_password_stays_sealed(workshop: Workshop) -> None:
    envelope = entrance(workshop, Login(name="Ada", password=PASSWORD, seq=1), "Ada")
    applied = workshop.applier.bury(envelope, ZeroDivisionError("x"), 4)
    assert reply(applied)["code"] == "dead_lettered"
    (letter,) = workshop.store.dead_letters()
    assert PASSWORD.encode() not in letter.envelope
    assert PASSWORD not in letter.traceback


def test_trials_are_forgotten_when_an_event_comes_to_an_end(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.rules["move"] = breaks_for("ada", workshop.rules["move"])
    (fine,), (guilty,) = walk(workshop, BOB, 1), walk(workshop, ADA, 1)
    for envelope in (fine, guilty):
        workshop.store.begin_trial(envelope.id, 1)
    workshop.applier.apply([fine], tried=True)
    workshop.applier.apply([guilty], tried=True)
    assert workshop.store.trials([fine.id, guilty.id]) == {guilty.id: 1}
    workshop.applier.bury(guilty, ZeroDivisionError("x"), 4)
    assert workshop.rows()["trials"] == 0


# Events of the house.


def slay(workshop: Workshop) -> Envelope:
    """Kill a rat; give the reward that is born."""
    workshop.enter(ADA)
    workshop.put(creature(hp=1))
    applied = workshop.apply(workshop.tell(ADA, Attack(target="meadow.rat.1", seq=1)))
    (born,) = applied.born
    return born


def test_a_reward_is_born_with_its_parents_id_and_stands_in_the_outbox(workshop: Workshop) -> None:
    born = slay(workshop)
    assert (born.id, born.event, born.kept) == ("s-ada:1/e0", Reward(player="ada", xp=5, slain="rat"), True)
    assert workshop.due("event") == [born.id]


def test_a_reward_that_comes_twice_is_given_once(workshop: Workshop) -> None:
    born = slay(workshop)
    applied = workshop.apply(born)
    assert workshop.due("event") == []
    workshop.apply(born)
    assert workshop.player("ada").xp == 5
    (told,) = notices(applied, "c-ada")
    assert told == {"type": "rewarded", "id": "s-ada:1/e0/0", "xp": 5, "total": 5, "slain": "rat"}


def test_a_reward_that_comes_twice_in_one_batch_is_given_once(workshop: Workshop) -> None:
    born = slay(workshop)
    workshop.apply(born, born)
    assert workshop.player("ada").xp == 5


def test_a_replay_of_the_blow_gives_no_second_reward(workshop: Workshop) -> None:
    slay(workshop)
    again = workshop.apply(workshop.tell(ADA, Attack(target="meadow.rat.1", seq=1)))
    assert (again.born, reply(again)["data"]["hp"]) == ((), 0)


def test_a_reward_that_was_never_published_is_sent_again_by_the_sweep(workshop: Workshop) -> None:
    born = slay(workshop)
    workshop.put(Gateway(id="g1", seen_ms=2**50, sessions=1))
    assert sweep(workshop).born == ()
    workshop.now_ms += 10_000
    assert sweep(workshop).born == (born,)
    assert sweep(workshop).born == ()


def test_a_reward_that_is_given_up_is_not_sent_again(workshop: Workshop) -> None:
    born = slay(workshop)
    workshop.applier.bury(born, ZeroDivisionError("x"), 4)
    assert workshop.due("event") == []
    assert [letter.id for letter in workshop.store.dead_letters()] == [born.id]


def test_ticks_that_come_twice_stir_once(workshop: Workshop) -> None:
    workshop.enter(ADA)
    tick = Envelope(id="tick:7", event=Tick(n=7), at_ms=workshop.now_ms)
    first = workshop.apply(tick)
    assert [(e.id, e.event, e.kept) for e in first.born] == [("tick:7/e0", Stir(zone="meadow", n=7), False)]
    assert workshop.apply(tick).born == ()
    workshop.apply(*first.born)
    clocks = workshop.load(clocks=(PULSE, "meadow")).clocks
    assert clocks == {PULSE: ZoneClock(id=PULSE, tick=7), "meadow": ZoneClock(id="meadow", tick=7)}
    assert workshop.due() == []


# Mail and talk.


def sweep(workshop: Workshop) -> Any:
    n = workshop.now_ms
    return workshop.apply(Envelope(id=f"sweep:{n}", event=Sweep(n=n), at_ms=n))


def test_a_whisper_waits_until_it_is_acknowledged(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.put(Gateway(id="g1", seen_ms=2**50, sessions=2))
    applied = workshop.apply(workshop.tell(ADA, Whisper(to="Bob", text="psst", seq=1)))
    (heard,) = notices(applied, "c-bob")
    assert (heard["id"], heard["text"], heard["how"]) == ("s-ada:1/0", "psst", "whisper")
    assert [direct.id for direct in applied.outbound.directs if direct.conn == "c-bob"] == ["s-ada:1/0"]
    assert notices(sweep(workshop), "c-bob") == []
    workshop.now_ms += 10_000
    assert notices(sweep(workshop), "c-bob") == [heard]
    workshop.apply(workshop.tell(ADA, Ack(ids=["s-ada:1/0"], seq=2)))
    assert workshop.due("mail") == ["s-ada:1/0"], "nobody acknowledges another's mail"
    workshop.apply(workshop.tell(BOB, Ack(ids=["s-ada:1/0", "unknown"], seq=1)))
    assert workshop.due("mail") == []


def test_mail_for_one_who_is_away_is_told_when_they_enter(workshop: Workshop) -> None:
    workshop.enter(ADA)
    workshop.apply(entrance(workshop, Register(name="Bob", password=PASSWORD, seq=1), "Bob"))
    body = workshop.player("bob")
    lost = workshop.tell(body, Lost(), id="lost")
    workshop.apply(lost)
    applied = workshop.apply(workshop.tell(ADA, Whisper(to="bob", text="psst", seq=1)))
    assert notices(applied, body.conn) == []
    workshop.now_ms += 10_000
    assert notices(sweep(workshop), body.conn) == []
    entered = workshop.apply(entrance(workshop, Login(name="bob", password=PASSWORD, seq=1), "Bob", conn="c9"))
    assert [notice["text"] for notice in notices(entered, "c9")] == ["psst"]


def test_of_someones_steps_only_the_latest_matters_and_of_what_is_said_all_of_it(workshop: Workshop) -> None:
    workshop.enter(ADA)
    (walked,) = workshop.apply(workshop.tell(ADA, Move(dir="e", seq=1))).outbound.dispatches
    (said,) = workshop.apply(workshop.tell(ADA, Say(text="hi", seq=2))).outbound.dispatches
    assert (walked.latest, said.latest) == ("moved/ada", "")


def test_talk_stands_in_the_outbox_until_it_is_published(workshop: Workshop) -> None:
    workshop.enter(ADA)
    applied = workshop.apply(workshop.tell(ADA, Say(text="hi", seq=1)))
    (dispatch,) = applied.outbound.dispatches
    assert (dispatch.id, dispatch.to) == ("s-ada:1/0", ("zone.meadow/1.1",))
    assert applied.published == ("s-ada:1/0",)
    assert workshop.due("talk") == ["s-ada:1/0"]
    workshop.store.published(applied.published)
    assert workshop.due() == []


def test_talk_that_was_never_published_is_sent_again_as_it_was(workshop: Workshop) -> None:
    workshop.enter(ADA)
    workshop.put(Gateway(id="g1", seen_ms=2**50, sessions=1))
    first = workshop.apply(workshop.tell(ADA, Say(text="hi", seq=1)))
    workshop.now_ms += 10_000
    again = sweep(workshop)
    assert again.outbound.dispatches == first.outbound.dispatches
    assert again.published == first.published
    assert again.keys == ("zone.meadow",)


# Entering and leaving.


def entrance(workshop: Workshop, event: Event, name: str, **changes: Any) -> Envelope:
    """An event of a connection that plays for nobody yet."""
    conn = f"n-{name.lower()}"
    given = {
        "id": f"{conn}:1",
        "event": workshop.sealer.seal(event),
        "at_ms": workshop.now_ms,
        "conn": conn,
        "gateway": "g1",
        "token": f"hash of {conn}",
    }
    return Envelope(**{**given, **changes})


def test_who_registers_may_come_back_with_the_password_and_with_the_token(workshop: Workshop) -> None:
    registered = workshop.apply(entrance(workshop, Register(name="Ada", password=PASSWORD, seq=1), "Ada", token="#t1"))
    entered = reply(registered)["data"]
    assert (entered["player"], entered["name"], entered["session"]) == ("ada", "Ada", "n-ada")
    (direct,) = [d for d in registered.outbound.directs if d.re]
    assert direct.follow is not None
    assert (direct.follow.player, direct.follow.session) == ("ada", "n-ada")
    body = workshop.player("ada")
    workshop.apply(*walk(workshop, body, 2))
    workshop.apply(workshop.tell(body, Lost(), id="lost"))
    assert not workshop.player("ada").present
    resume = entrance(workshop, Resume(token="t1", seq=1), "Ada", conn="c9", token="#t2")
    back = reply(workshop.apply(resume))["data"]
    assert (back["session"], back["seq"]) == ("n-ada", 2)
    assert workshop.player("ada").conn == "c9"
    login = entrance(workshop, Login(name="ada", password=PASSWORD, seq=1), "Ada", conn="c10", token="#t3")
    taken = workshop.apply(login)
    assert reply(taken)["data"]["session"] == "c10"
    assert [d.follow.close for d in taken.outbound.directs if d.conn == "c9" and d.follow] == ["taken_over"]
    assert workshop.rows()["sessions"] == 1


def test_a_registration_that_comes_again_is_answered_alike(workshop: Workshop) -> None:
    register = entrance(workshop, Register(name="Ada", password=PASSWORD, seq=1), "Ada")
    first, again = workshop.apply(register), workshop.apply(register)
    assert reply(first) == reply(again)
    assert workshop.rows()["accounts"] == workshop.rows()["sessions"] == 1


def test_two_who_register_a_name_in_one_batch_are_not_both_let_in(workshop: Workshop) -> None:
    batch = [
        entrance(workshop, Register(name=name, password=PASSWORD, seq=1), name, conn=name, id=name)
        for name in ("Ada", "ADA")
    ]
    applied = workshop.apply(*batch)
    assert [packet(d).get("code") for d in applied.outbound.directs if d.re] == [None, "name_taken"]
    assert workshop.player("ada").name == "Ada"


def test_who_logs_out_is_gone_with_all_that_was_kept_of_the_session(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.apply(workshop.tell(ADA, Give(to="bob", coins=1, seq=1)))
    applied = workshop.apply(workshop.tell(ADA, Logout(seq=2)))
    (direct,) = [d for d in applied.outbound.directs if d.conn == "c-ada"]
    assert direct.follow is not None
    assert (packet(direct)["type"], direct.follow.close) == ("ok", "logged_out")
    assert workshop.rows()["outcomes"] == 0
    assert reply(workshop.apply(workshop.tell(ADA, Purse(seq=3))))["code"] == "session_over"


def test_who_looks_is_told_directly(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    applied = workshop.apply(workshop.tell(ADA, Look(seq=1)))
    (view,) = notices(applied, "c-ada")
    assert [being["id"] for being in view["beings"]] == ["bob"]


def test_the_sweep_takes_out_of_the_world_whose_gateway_died_and_forgets_sessions_in_time(workshop: Workshop) -> None:
    workshop.enter(ADA)
    workshop.apply(Envelope(id="h", event=Heartbeat(sessions=1), at_ms=workshop.now_ms, gateway="g1"))
    sweep(workshop)
    assert workshop.player("ada").present
    workshop.now_ms += 60_000
    applied = sweep(workshop)
    assert not workshop.player("ada").present
    assert [told["type"] for told in dispatched(applied)] == ["vanished"]
    workshop.now_ms += SESSION_MS
    sweep(workshop)
    assert (workshop.rows()["sessions"], workshop.rows()["marks"]) == (0, 0)


# Secrets.


@pytest.mark.parametrize(
    "event", [Login(name="Ada", password=PASSWORD, seq=1), Resume(token="t1", seq=1)], ids=["login", "resume"]
)
def test_a_secret_that_was_sealed_with_another_key_is_the_players_to_hear_of(workshop: Workshop, event: Event) -> None:
    sealed_elsewhere = Sealer(Fernet.generate_key()).seal(event)
    applied = workshop.apply(replace(entrance(workshop, event, "Ada"), event=sealed_elsewhere))
    assert applied.held == ()
    assert reply(applied)["code"] == "bad_seal"


def test_no_password_is_kept_or_told(workshop: Workshop) -> None:
    applied = workshop.apply(entrance(workshop, Register(name="Ada", password=PASSWORD, seq=1), "Ada"))
    assert PASSWORD.encode() not in msgspec.msgpack.encode(applied.outbound)
    assert workshop.passwords.work == ["hash"]


# Whom it concerns.


def test_a_batch_goes_to_the_gateways_it_concerns(workshop: Workshop) -> None:
    workshop.enter(ADA, EVE)
    applied = workshop.apply(*walk(workshop, ADA, 1), *walk(workshop, EVE, 1))
    assert set(applied.keys) == {"gateway.g1", "gateway.g2", "zone.meadow", "zone.town"}
    assert len(applied.keys) == 4


def test_a_gateway_hears_that_its_batch_is_done_even_when_there_is_nothing_to_say(workshop: Workshop) -> None:
    workshop.enter(ADA)
    applied = workshop.apply(workshop.tell(ADA, Lost(), id="lost", conn="c-old"))
    assert (applied.keys, applied.outbound.directs, applied.outbound.done) == (("gateway.g1",), [], "lost")
    nothing = workshop.applier.nothing([workshop.tell(ADA, Lost(), id="lost")])
    assert (nothing.keys, nothing.outbound) == (applied.keys, applied.outbound)


def test_ticks_concern_nobody_but_those_who_see_something(workshop: Workshop) -> None:
    assert workshop.apply(Envelope(id="tick:7", event=Tick(n=7), at_ms=workshop.now_ms)).keys == ()


def test_the_same_event_falls_alike_when_its_transaction_was_lost(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    attack = workshop.tell(ADA, Attack(target="bob", seq=1))
    first = reply(workshop.apply(attack))
    workshop.put(ADA, BOB)
    with workshop.store.transaction() as transaction:
        transaction.save([], [session_of(ADA)])
    workshop.put(session_of(ADA))
    assert reply(workshop.apply(attack)) == first


def test_a_database_that_is_away_leaves_nothing_half_done(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.enter(ADA, BOB)
    give = workshop.tell(ADA, Give(to="bob", coins=10, seq=1))

    def away(*_: Any) -> None:
        raise Retryable("database_away", "Not now.")

    with monkeypatch.context() as patch:
        patch.setattr("gameserver.store.store.Transaction.save_marks", away)
        with pytest.raises(Retryable):
            workshop.apply(give)
    assert workshop.player("bob").coins == 100
    assert workshop.due() == []
    workshop.apply(give)
    assert workshop.player("bob").coins == 110


def test_a_refusal_of_a_rule_tells_nobody_else(workshop: Workshop) -> None:
    workshop.enter(ADA)
    for refusal in (Rejected, NotNow):
        workshop.rules["say"] = rule()(lambda *_, refusal=refusal: _raise(refusal("no", "No.")))
        applied = workshop.apply(workshop.tell(ADA, Say(text="x", seq=1)))
        assert (reply(applied)["code"], applied.outbound.dispatches) == ("no", [])


def _raise(error: Exception) -> Outcome:
    raise error


# Bounded storage.


def test_a_busy_channel_keeps_its_last_lines_only(workshop: Workshop) -> None:
    workshop.enter(ADA)
    workshop.put(Membership(id="trade/ada", channel="trade", player="ada"))
    for turn in range(6):
        lines = [
            workshop.tell(ADA, Talk(channel="trade", text=str(seq), seq=seq))
            for seq in range(turn * 50 + 1, turn * 50 + 51)
        ]
        workshop.now_ms += 1_000
        workshop.store.published(workshop.apply(*lines).published)
    joined = workshop.apply(workshop.tell(ADA, Join(channel="trade", seq=900)))
    assert [line["text"] for line in reply(joined)["data"]["history"]] == [str(seq) for seq in range(251, 301)]
    sweep(workshop)
    assert workshop.rows()["chat_lines"] <= 100
