"""Hooks in the transaction of their event, on real databases: a word filter, a tax, an achievement."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.declare import catalogue
from gameserver.declare.base import Result
from gameserver.declare.hooks import DECLARED, STEPS, Hook, after, before, hooks
from gameserver.errors import Corrupt, NotNow, Rejected, Retryable
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import SessionUpdate
from gameserver.modules.chat.events import Heard, Say, Whisper
from gameserver.modules.combat.events import Reward
from gameserver.modules.sessions.events import Login
from gameserver.modules.sessions.players import check_mailbox
from gameserver.modules.trade.entities import Purse
from gameserver.modules.trade.events import Give, Given
from gameserver.modules.world.entities import ZoneClock
from gameserver.modules.world.events import Tick
from gameserver.rules.hooked import HookedRule, merged
from gameserver.rules.outcome import Context, Notification, Outcome, State
from gameserver.testing.two_zones import player, players, state
from tests.selections import selected
from tests.unit.processing.workshop import ADA, BOB, COINS, EVE, Workshop, dispatched, replies, reply

TAX = 2


def hook(workshop: Workshop, *functions: Callable[..., Any]) -> None:
    """Put the hooks that these functions were declared as around the rule of their event."""
    hooks = [declared for declared in DECLARED if declared.function in functions]
    hooks.sort(key=lambda h: STEPS.index(h.when))
    event = hooks[0].event.partition(".")[2]
    workshop.rules[event] = HookedRule(workshop.rules[event], hooks)


@before("chat.say", reads_state=False)
def word_filter(event: Say) -> Say:
    return replace(event, text=event.text.replace("darn", "****"))


@before("chat.say", components=(Purse,))
def muted(state: State, event: Say, context: Context) -> None:
    if state.of(Purse)[context.player].coins < 10:
        raise Rejected("muted", "The poor may not speak.")


@before("trade.give", needs=lambda event, context: selected(purses=("eve",)))
def no_gifts_to_the_rich(state: State, event: Give, context: Context) -> None:
    if state.of(Purse)["eve"].coins < state.of(Purse)[event.to].coins:
        raise Rejected("rich_enough", "Give it to somebody else.")


@after("trade.give", needs=lambda event, context: selected(purses=("eve",)))
def tax(state: State, event: Give, context: Context, outcome: Outcome) -> Outcome:
    """The receiver pays from what the rule has given already; the giver's reply is what it was."""
    richer, collector = state.of(Purse)[event.to], state.of(Purse)["eve"]
    return Outcome(
        put=(replace(richer, coins=richer.coins - TAX), replace(collector, coins=collector.coins + TAX)),
        notifications=(
            Notification(notice=Heard(how="say", by="tax", text="paid", at_ms=context.now_ms), to=("zone.meadow",)),
        ),
    )


@after("trade.give", needs=lambda event, context: selected(clocks=("gifts",)))
def count_gifts(state: State, event: Give, context: Context, outcome: Outcome) -> Outcome:
    before = state.of(ZoneClock).get("gifts", ZoneClock(id="gifts", tick=0))
    return Outcome(put=(replace(before, tick=before.tick + 1),), events=(Reward(player="bob", xp=1, slain="rat"),))


def _gave_much(state: State, event: Give, context: Context, outcome: Outcome) -> bool:
    assert state.of(Purse)[context.player].coins == COINS  # as it was before the gift
    return event.coins > 5


@after("trade.give", order=1, only=_gave_much)
def praised(state: State, event: Give, context: Context, outcome: Outcome) -> Outcome:
    praise = Heard(how="say", by="town", text=f"left: {state.of(Purse)[context.player].coins}", at_ms=context.now_ms)
    return Outcome(notifications=(Notification(notice=praise, to=("zone.meadow",)),))


def test_a_hook_runs_only_after_what_it_says_concerns_it(workshop: Workshop) -> None:
    hook(workshop, praised)
    workshop.enter(ADA, BOB, EVE)
    applied = workshop.apply(workshop.tell(ADA, Give(seq=1, to="bob", coins=5)))
    assert dispatched(applied) == []
    workshop.put(Purse(id="ada", coins=COINS))
    applied = workshop.apply(workshop.tell(ADA, Give(seq=2, to="bob", coins=6)))
    assert [heard["text"] for heard in dispatched(applied)] == [f"left: {COINS - 6}"]


def test_what_says_whether_a_hook_runs_takes_what_the_hook_takes() -> None:
    with pytest.raises(Corrupt, match=r"only takes \(state, event, context, outcome\)"):
        after("trade.give", only=lambda event: True)(praised)


def test_a_word_filter_changes_what_is_said(workshop: Workshop) -> None:
    hook(workshop, word_filter)
    workshop.enter(ADA)
    applied = workshop.apply(workshop.tell(ADA, Say(seq=1, text="darn it")))
    assert [heard["text"] for heard in dispatched(applied)] == ["**** it"]
    assert reply(applied)["type"] == "ok"


def test_a_hook_refuses_what_the_rule_would_do(workshop: Workshop) -> None:
    hook(workshop, muted)
    workshop.enter(ADA, BOB)
    workshop.put(Purse(id="ada", coins=3))
    applied = workshop.apply(workshop.tell(ADA, Say(seq=1, text="hi")), workshop.tell(BOB, Say(seq=1, text="ho")))
    assert [heard["text"] for heard in dispatched(applied)] == ["ho"]
    assert sorted(direct.refused for direct in applied.outbound.unicasts if direct.re) == [False, True]


def test_a_before_hook_gets_the_rows_that_it_needs(workshop: Workshop) -> None:
    hook(workshop, no_gifts_to_the_rich)
    workshop.enter(ADA, BOB, EVE)
    workshop.put(Purse(id="eve", coins=COINS - 1))
    assert reply(workshop.apply(workshop.tell(ADA, Give(seq=1, to="bob", coins=5))))["code"] == "rich_enough"
    assert workshop.coins("bob") == COINS


def test_a_tax_and_an_achievement_are_added_to_a_gift_once(workshop: Workshop) -> None:
    hook(workshop, tax, count_gifts)
    workshop.enter(ADA, BOB, EVE)
    gifts = [workshop.tell(ADA, Give(seq=seq, to="bob", coins=5)) for seq in (1, 2)]
    applied = workshop.apply(*gifts)
    again = workshop.apply(*gifts)
    assert [workshop.coins(id_) for id_ in ("ada", "bob", "eve")] == [
        COINS - 10,
        COINS + 10 - 2 * TAX,
        COINS + 2 * TAX,
    ]
    assert replies(applied) == replies(again)
    assert replies(applied)[2]["data"] == {"coins": COINS - 10}
    assert workshop.load(clocks=("gifts",)).of(ZoneClock)["gifts"].tick == 2
    assert [envelope.event for envelope in applied.born] == [Reward(player="bob", xp=1, slain="rat")] * 2
    assert len({envelope.id for envelope in applied.born}) == 2
    assert [told["by"] for told in dispatched(applied)] == ["tax", "tax"]


@after("trade.give")
def refuses(state: State, event: Give, context: Context, outcome: Outcome) -> Outcome:
    raise Rejected("no_gifts", "Not today.")


def test_a_refusal_after_the_rule_leaves_nothing_of_it(workshop: Workshop) -> None:
    hook(workshop, tax, refuses)
    workshop.enter(ADA, BOB, EVE)
    applied = workshop.apply(workshop.tell(ADA, Give(seq=1, to="bob", coins=5)))
    assert reply(applied)["code"] == "no_gifts"
    assert [workshop.coins(body.id) for body in (ADA, BOB, EVE)] == [COINS] * 3
    assert workshop.due() == []
    assert reply(workshop.apply(workshop.tell(ADA, Give(seq=1, to="bob", coins=5))))["code"] == "no_gifts"


@before("trade.give")
def puts_off(state: State, event: Give, context: Context) -> None:
    raise NotNow("not_here", "Later.")


def test_a_hook_puts_an_event_off_as_a_rule_does(workshop: Workshop) -> None:
    hook(workshop, puts_off)
    workshop.enter(ADA, BOB)
    applied = workshop.apply(workshop.tell(ADA, Give(seq=1, to="bob", coins=5)))
    assert [direct.not_now for direct in applied.outbound.unicasts] == [True]


@after("trade.give")
def writes_unlocked(state: State, event: Give, context: Context, outcome: Outcome) -> Outcome:
    return Outcome(put=(Purse(id="eve", coins=0),))


def plain_for(whom: str, hooked: Any) -> Any:
    """The hooked rule, which for one player is the plain one."""

    def choosy(state: State, event: Any, context: Context) -> Any:
        return (hooked.__wrapped__ if context.player == whom else hooked)(state, event, context)

    choosy.prepare = hooked.prepare  # type: ignore[attr-defined]
    choosy.components = hooked.components  # type: ignore[attr-defined]
    choosy.needs = lambda event, context: (hooked.__wrapped__ if context.player == whom else hooked).needs(  # type: ignore[attr-defined]
        event, context
    )
    return choosy


def failure(workshop: Workshop) -> str:
    """Why the first gift of a batch failed; the other one is given."""
    rule, fay = workshop.rules["give"], player("Fay")
    workshop.enter(fay)
    workshop.rules["give"] = plain_for("fay", rule)
    gifts = (workshop.tell(body, Give(seq=1, to="bob", coins=5)) for body in (ADA, fay))
    applied = workshop.apply(*gifts)
    assert workshop.coins("bob") == COINS + 5
    (held,) = applied.held
    assert [envelope.player for envelope in held.envelopes] == ["ada"]
    return f"{type(held.cause).__name__}: {held.cause}"


def test_what_an_after_hook_puts_must_be_locked(workshop: Workshop) -> None:
    hook(workshop, writes_unlocked)
    workshop.enter(ADA, BOB, EVE)
    assert "Purse 'eve' is to be written and was not locked" in failure(workshop)


# What needs are found out from.


@before("trade.give", reads_state=False)
def redirect(event: Give) -> Give:
    return replace(event, to="eve")


@before("trade.give")
def redirect_late(state: State, event: Give, context: Context) -> Give:
    return replace(event, to="eve")


@before("trade.give")
def halve(state: State, event: Give, context: Context) -> Give:
    return replace(event, coins=event.coins // 2 or 1)


def test_what_is_needed_follows_a_change_by_a_hook_that_reads_no_state(workshop: Workshop) -> None:
    hook(workshop, redirect)
    workshop.enter(ADA, BOB, EVE)
    assert reply(workshop.apply(workshop.tell(ADA, Give(seq=1, to="bob", coins=5))))["type"] == "ok"
    assert (workshop.coins("bob"), workshop.coins("eve")) == (COINS, COINS + 5)


def test_a_hook_that_reads_state_may_not_change_what_is_needed(workshop: Workshop) -> None:
    hook(workshop, redirect_late)
    workshop.enter(ADA, BOB, EVE)
    assert "the hook redirect_late of trade.give changes what the rule has prepared or locked for" in failure(workshop)


def test_a_hook_that_reads_state_may_change_the_rest(workshop: Workshop) -> None:
    hook(workshop, halve)
    workshop.enter(ADA, BOB)
    workshop.apply(workshop.tell(ADA, Give(seq=1, to="bob", coins=5)))
    assert workshop.coins("bob") == COINS + 2


@before("sessions.login", reads_state=False)
def one_name(event: Login) -> Login:
    return replace(event, name="Bob")


@before("sessions.login")
def one_name_late(state: State, event: Login, context: Context) -> Login:
    return replace(event, name="Bob")


@pytest.mark.parametrize(("function", "asked"), [(one_name, "Bob"), (one_name_late, "Ada")])
def test_what_is_prepared_is_asked_with_the_event_as_it_is_played(function: Any, asked: str) -> None:
    names: list[str] = []

    def rule(state: State, event: Login, context: Context) -> Outcome:
        return Outcome()

    rule.needs = None  # type: ignore[attr-defined]
    rule.prepare = lambda event, *_: names.append(event.name)  # type: ignore[attr-defined]
    rule.components = ()  # type: ignore[attr-defined]
    hooked = HookedRule(rule, [declared for declared in DECLARED if declared.function is function])
    assert hooked.prepare is not None
    sent: Any = Login(seq=1, name="Ada", password="long enough")
    unused: Any = None
    hooked.prepare(sent, unused, unused, unused)
    assert names == [asked]
    if asked == "Ada":
        with pytest.raises(Exception, match="prepared or locked for"):
            hooked(state(), sent, unused)


# What a before-hook may not make of an event.


@before("trade.give", reads_state=False)
def other_type(event: Give) -> Any:
    return Whisper(seq=event.seq, to=event.to, text="hi")


@before("trade.give", reads_state=False)
def other_number(event: Give) -> Give:
    return replace(event, seq=event.seq + 1)


@before("trade.give")
def too_much(state: State, event: Give, context: Context) -> Give:
    return replace(event, coins=2_000_000)


@before("trade.give", reads_state=False)
def waits(event: Give) -> Give:
    raise Retryable("database_away", "A hook takes the data tier's part.")


class Other(Result):
    coins: int


@after("trade.give")
def other_result(state: State, event: Give, context: Context, outcome: Outcome) -> Outcome:
    return Outcome(result=Other(coins=1))


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (other_type, "the hook other_type returned no trade.give of the same number"),
        (other_number, "the hook other_number returned no trade.give of the same number"),
        (too_much, "ValidationError: Expected `int` <= 1000000"),
        (waits, "TypeError"),
        (other_result, "Other is not the result of trade.give"),
    ],
)
def test_a_hook_that_returns_what_it_may_not_is_the_events_own_failure(
    workshop: Workshop, function: Any, fault: str
) -> None:
    hook(workshop, function)
    workshop.enter(ADA, BOB, EVE)
    assert fault in failure(workshop)


# How outcomes are merged.


def test_of_two_puts_of_one_thing_the_later_counts_and_of_a_put_and_a_drop() -> None:
    one, two = ZoneClock(id="a", tick=1), ZoneClock(id="a", tick=2)
    other = ZoneClock(id="b", tick=1)
    assert merged(Outcome(put=(one, other)), Outcome(put=(two,))).put == (two, other)
    dropped = merged(Outcome(put=(one, other)), Outcome(drop=(one,)))
    assert (dropped.put, dropped.drop) == ((other,), (one,))
    back = merged(Outcome(drop=(one,)), Outcome(put=(two,)))
    assert (back.put, back.drop) == ((two,), ())


def test_the_reply_stays_the_rules_unless_the_hook_gives_another() -> None:
    first, second = Given(coins=1), Given(coins=2)
    assert merged(Outcome(result=first), Outcome()).result is first
    assert merged(Outcome(result=first), Outcome(result=second)).result is second


def test_of_what_the_gateway_has_to_do_each_field_that_a_hook_sets_counts_and_topics_by_their_slots() -> None:
    rule_says = SessionUpdate(session="s", player="ada", seq=7, watch={"channels": ("news",)})
    hook_says = SessionUpdate(then="look", shard_key="meadow", watch={"view": ("zone.meadow",)})
    both = merged(Outcome(follow=rule_says), Outcome(follow=hook_says)).follow
    topics = {"channels": ("news",), "view": ("zone.meadow",)}
    assert both == replace(rule_says, then="look", shard_key="meadow", watch=topics)
    assert merged(Outcome(follow=rule_says), Outcome()).follow is rule_says
    assert merged(Outcome(), Outcome(follow=hook_says)).follow is hook_says


@after("world.tick", needs=lambda event, context: selected(clocks=("ticks",)))
def count_ticks(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome:
    before = state.before.of(ZoneClock).get("ticks", ZoneClock(id="ticks", tick=0))
    return Outcome(put=(replace(before, tick=before.tick + 1),))


def test_events_of_the_server_have_hooks_and_those_that_repeat_themselves_do_not_reach_them(workshop: Workshop) -> None:
    hook(workshop, count_ticks)
    n = workshop.now_ms // 500
    for tick in (n, n, n + 1):
        workshop.apply(Envelope(id=f"tick:{tick}", event=Tick(n=tick), at_ms=workshop.now_ms))
    assert workshop.load(clocks=("ticks",)).of(ZoneClock)["ticks"].tick == 2


def test_a_hook_that_a_game_may_do_without_is_left_out_where_its_module_is(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [declared.event for declared in DECLARED if declared.optional]
    assert "trade.give" in known
    assert "trade.give" in hooks.__wrapped__()  # type: ignore[attr-defined]
    _leave_out(monkeypatch, "trade")
    assert not any(task.startswith("trade.") for task in hooks.__wrapped__())  # type: ignore[attr-defined]
    _leave_out(monkeypatch, "world")
    with pytest.raises(Corrupt, match=r"of world\.\w+: there is no such event"):
        hooks.__wrapped__()  # type: ignore[attr-defined] # combat's are not optional


def _leave_out(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    families = {name: specs for name, specs in catalogue.families().items() if name != family}
    specs = tuple(spec for spec in catalogue.specs() if spec.family != family)
    monkeypatch.setattr(catalogue, "families", lambda: families)
    monkeypatch.setattr(catalogue, "specs", lambda: specs)


def test_a_hook_sees_what_was_put_dropped_and_mailed_and_the_batch_does_not() -> None:
    ada, bob = player(), player("Bob")
    seen = state(ada, bob)
    mails = tuple(Notification(notice=Heard(how="say", by="x", text="y", at_ms=1), player="bob") for _ in range(200))
    as_it_was = {kind: dict(things) for kind, things in seen.things.items()}
    after_it = seen.folded(Outcome(put=replace(ada, xp=7).parts, drop=bob.parts, notifications=mails))
    assert (players(after_it)["ada"].xp, "bob" in players(after_it)) == (7, False)
    assert (players(seen)["ada"].xp, "bob" in players(seen)) == (ada.xp, True)
    assert after_it.before is seen
    assert after_it.folded(Outcome()).before is seen
    assert {kind: dict(things) for kind, things in seen.things.items()} == as_it_was
    assert set(after_it.things) == set(seen.things)
    with pytest.raises(Rejected, match="too many messages"):
        check_mailbox(after_it, bob)
    check_mailbox(seen, bob)


def test_a_rule_without_hooks_stands_in_the_book_itself(workshop: Workshop) -> None:
    hooked = {hook.event.partition(".")[2] for hook in DECLARED if hook.module.startswith("gameserver.modules.")}
    assert {name for name, rule in workshop.rules.items() if isinstance(rule, HookedRule)} == hooked


def test_a_hook_says_whose_it_is() -> None:
    (declared,) = [declared for declared in DECLARED if declared.function is tax]
    assert isinstance(declared, Hook)
    assert declared.at.startswith("tests/unit/processing/test_hooks.py:")
