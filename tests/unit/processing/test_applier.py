"""Whom a batch concerns, what a lost transaction leaves, and what is bounded."""

from typing import Any

import pytest

from gameserver.broker.gateway_routing import routing_key
from gameserver.declare.session_events import Lost
from gameserver.errors import NotNow, Rejected, Retryable
from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.entities import Membership
from gameserver.modules.chat.events import Join, Say, Talk
from gameserver.modules.combat.events import Attack
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions.events import Register
from gameserver.modules.trade.events import Give
from gameserver.modules.world.events import Tick
from gameserver.rules.outcome import Context, Outcome, State, rule
from gameserver.testing.two_zones import session_of
from tests.selections import selected
from tests.unit.processing.workshop import (
    ADA,
    BOB,
    EVE,
    PASSWORD,
    Workshop,
    entrance,
    reply,
    sweep,
    walk,
)


def test_a_batch_goes_to_the_gateways_it_concerns(workshop: Workshop) -> None:
    workshop.enter(ADA, EVE)
    applied = workshop.apply(*walk(workshop, ADA, 1), *walk(workshop, EVE, 1))
    assert set(applied.keys) == {"gateway.g1", "gateway.g2", routing_key("zone.meadow"), routing_key("zone.town")}
    assert len(applied.keys) == 4


def test_a_gateway_hears_that_its_batch_is_done_even_when_there_is_nothing_to_say(workshop: Workshop) -> None:
    workshop.enter(ADA)
    applied = workshop.apply(workshop.tell(ADA, Lost(), id="lost", conn="c-old"))
    assert (applied.keys, applied.outbound.unicasts, applied.outbound.done) == (("gateway.g1",), [], "lost")
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
        patch.setattr("gameserver.store.store.Transaction.keep", away)
        with pytest.raises(Retryable):
            workshop.apply(give)
    assert workshop.coins("bob") == 100
    assert workshop.due() == []
    workshop.apply(give)
    assert workshop.coins("bob") == 110


def test_a_refusal_of_a_rule_tells_nobody_else(workshop: Workshop) -> None:
    workshop.enter(ADA)
    for refusal in (Rejected, NotNow):
        workshop.rules["say"] = rule()(lambda *_, refusal=refusal: _raise(refusal("no", "No.")))
        applied = workshop.apply(workshop.tell(ADA, Say(text="x", seq=1)))
        assert (reply(applied)["code"], applied.outbound.multicasts) == ("no", [])


def _raise(error: Exception) -> Outcome:
    raise error


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


@pytest.mark.parametrize("ends_there", [True, False])
def test_what_one_event_puts_and_another_of_its_batch_drops_stands_as_the_last_one_left_it(
    workshop: Workshop, ends_there: bool
) -> None:
    workshop.enter(ADA)
    membership = Membership(id="town/ada", channel="town", player="ada")
    puts, drops = Outcome(put=(membership,)), Outcome(drop=(membership,))
    outcomes = iter([puts, drops] if ends_there else [puts, drops, puts])

    @rule(needs=lambda event, context: selected(memberships_of=(context.player,)))
    def flighty(state: State, event: Move, context: Context) -> Outcome:
        return next(outcomes)

    workshop.rules["move"] = flighty
    workshop.apply(*walk(workshop, ADA, *range(1, 3 if ends_there else 4)))
    assert dict(workshop.load(memberships_of=("ada",)).of(Membership)) == (
        {} if ends_there else {"town/ada": membership}
    )


def test_secrets_are_opened_for_a_rule_that_prepares_nothing(workshop: Workshop) -> None:
    seen = []

    @rule()
    def curious(state: State, event: Register, context: Context) -> Outcome:
        seen.append(event.password)
        return Outcome()

    workshop.rules["register"] = curious
    workshop.apply(entrance(workshop, Register(name="Ada", password=PASSWORD, seq=1), "ada"))
    assert seen == [PASSWORD]
