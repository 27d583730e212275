"""What stands in the outbox until it arrived: events of the server, mail and talk."""

from gameserver.broker.gateway_routing import routing_key
from gameserver.declare.session_events import Lost
from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.events import Say, Whisper
from gameserver.modules.combat.events import Attack, Reward
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions.entities import Gateway
from gameserver.modules.sessions.events import Ack, Login, Register
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import Stir, Tick
from gameserver.modules.world.rules import TICK_MS
from gameserver.testing.two_zones import creature
from tests.unit.processing.workshop import (
    ADA,
    BOB,
    PASSWORD,
    Workshop,
    entrance,
    notices,
    reply,
    sweep,
)


def slay(workshop: Workshop) -> Envelope:
    """Kill a rat; give the reward that is born. (What hangs on the rat's death is done.)"""
    workshop.enter(ADA)
    workshop.put(creature(hp=1))
    applied = workshop.apply(workshop.tell(ADA, Attack(target="meadow.rat.1", seq=1)))
    reward, slain = applied.born
    workshop.apply(slain)
    return reward


def test_a_reward_is_born_with_its_parents_id_and_stands_in_the_outbox(workshop: Workshop) -> None:
    born = slay(workshop)
    assert (born.id, born.event, born.in_outbox) == ("s-ada:1/e0", Reward(player="ada", xp=5, slain="rat"), True)
    assert workshop.due("event") == [born.id]


def test_a_reward_that_comes_twice_is_given_once(workshop: Workshop) -> None:
    born = slay(workshop)
    applied = workshop.apply(born)
    assert workshop.due("event") == []
    workshop.apply(born)
    assert workshop.player("ada").xp == 5
    (told,) = [notice for notice in notices(applied, "c-ada") if notice["type"] == "rewarded"]
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
    workshop.applier.dead_letter(born, ZeroDivisionError("x"), 4)
    assert workshop.due("event") == []
    assert [letter.id for letter in workshop.store.dead_letters()] == [born.id]


def test_ticks_that_come_twice_stir_once(workshop: Workshop) -> None:
    workshop.enter(ADA)
    n = workshop.now_ms // TICK_MS
    tick = Envelope(id="tick:7", event=Tick(n=n), at_ms=workshop.now_ms)
    first = workshop.apply(tick)
    stirs = [("tick:7/e0", Stir(zone="meadow", n=n), False)]
    assert [(e.id, e.event, e.in_outbox) for e in first.born if e.event.zone == "meadow"] == stirs
    again = workshop.apply(tick)
    assert (again.born, again.outcomes) == ((), {"repeated": 1})
    workshop.apply(*first.born)
    clocks = workshop.load(clocks=(PULSE, "meadow")).of(ZoneClock)
    assert clocks == {PULSE: ZoneClock(id=PULSE, tick=n), "meadow": ZoneClock(id="meadow", tick=n)}
    assert workshop.due() == []


def test_a_whisper_waits_until_it_is_acknowledged(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.put(Gateway(id="g1", seen_ms=2**50, sessions=2))
    applied = workshop.apply(workshop.tell(ADA, Whisper(to="Bob", text="psst", seq=1)))
    (heard,) = notices(applied, "c-bob")
    assert (heard["id"], heard["text"], heard["how"]) == ("s-ada:1/0", "psst", "whisper")
    assert [direct.id for direct in applied.outbound.unicasts if direct.conn == "c-bob"] == ["s-ada:1/0"]
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
    (walked,) = workshop.apply(workshop.tell(ADA, Move(dir="e", seq=1))).outbound.multicasts
    (said,) = workshop.apply(workshop.tell(ADA, Say(text="hi", seq=2))).outbound.multicasts
    assert (walked.conflation_key, said.conflation_key) == ("moved/ada", "")


def test_talk_stands_in_the_outbox_until_it_is_published(workshop: Workshop) -> None:
    workshop.enter(ADA)
    applied = workshop.apply(workshop.tell(ADA, Say(text="hi", seq=1)))
    (dispatch,) = applied.outbound.multicasts
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
    assert again.outbound.multicasts == first.outbound.multicasts
    assert again.published == first.published
    assert again.keys == (routing_key("zone.meadow"),)
