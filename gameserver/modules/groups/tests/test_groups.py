from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.game import NotNow, Rejected, State
from gameserver.modules.chat.events import Heard
from gameserver.modules.groups import events
from gameserver.modules.groups.entities import Group, Invitation, Member
from gameserver.modules.groups.events import (
    AcceptInvite,
    Declined,
    DeclineInvite,
    Grouped,
    GroupTalk,
    Invite,
    Invited,
    Kick,
    LeaveGroup,
    LookAfter,
    Muster,
    PassLead,
)
from gameserver.modules.groups.rules import (
    ABSENCES_MAX,
    INVITED_MS,
    LONGEST_AGO,
    LOOK_MS,
    MEMBERS_MAX,
    group_topic,
    watch_group,
)
from gameserver.modules.sessions.events import Login
from gameserver.testing.scenes import StateReader, account_of, session_of
from gameserver.testing.two_zones import NOW_MS, absent, circumstances, fold, play, player, players, state, told
from gameserver.testing.whole_entities import Whole

ADA, BOB, EVE, DAN = (player(name) for name in ("Ada", "Bob", "Eve", "Dan"))
ALL = (ADA, BOB, EVE, DAN)


def do(where: State, who: Whole, event: Any, now_ms: int = NOW_MS, id_: str = "e1") -> Any:
    outcome = play(event, where, circumstances(players(where)[who.id], now_ms=now_ms, id=id_))
    fold(where, outcome)
    return outcome


def refusal(where: State, who: Whole, event: Any, now_ms: int = NOW_MS) -> str:
    before = {kind: dict(found) for kind, found in where.things.items()}
    with pytest.raises(Rejected) as refused:
        do(where, who, event, now_ms)
    assert where.things == before
    assert refused.value.message
    return refused.value.code


def grouped(*members: Whole, others: tuple[Whole, ...] = ()) -> State:
    """A group whose first member leads."""
    where = state(*members, *others)
    for n, member in enumerate(members[1:]):
        do(where, members[0], Invite(to=member.name))
        do(where, member, AcceptInvite(by=members[0].name), id_=f"g{n}")
    return where


def members(where: State) -> list[list[str]]:
    return [group.players for group in where.of(Group).values()]


def test_who_is_asked_and_accepts_is_in_a_group_with_who_asked() -> None:
    where = state(ADA, BOB)
    assert told(do(where, ADA, Invite(to="BOB"))) == [Invited(by="Ada", members=[])]
    joined = do(where, BOB, AcceptInvite(by="ada"), id_="g")
    assert [(one.id, one.zone, one.x, one.hp, one.present) for one in joined.result.members] == [
        ("ada", "meadow", 12, 100, True),
        ("bob", "meadow", 12, 100, True),
    ]
    assert joined.follow == watch_group("g")
    (others,) = [tell for tell in joined.notifications if isinstance(tell.notice, Grouped)]
    assert others.notice == Grouped(members=["Ada", "Bob"], by="Bob", what="joined")
    assert (others.conn, others.follow) == ("c-ada", watch_group("g"))
    assert members(where) == [["ada", "bob"]]
    assert where.of(Invitation) == {}


def test_who_declines_is_asked_no_longer() -> None:
    where = state(ADA, BOB)
    do(where, ADA, Invite(to="Bob"))
    assert told(do(where, BOB, DeclineInvite(by="Ada"))) == [Declined(by="Bob")]
    assert refusal(where, BOB, DeclineInvite(by="Ada")) == "no_invitation"
    assert refusal(where, BOB, AcceptInvite(by="Ada")) == "no_invitation"


def test_an_invitation_counts_for_a_minute_and_the_last_one_counts() -> None:
    where = state(ADA, BOB, EVE)
    do(where, ADA, Invite(to="Eve"))
    assert refusal(where, EVE, AcceptInvite(by="Ada"), NOW_MS + INVITED_MS) == "no_invitation"
    do(where, BOB, Invite(to="Eve"))
    assert refusal(where, EVE, AcceptInvite(by="Ada")) == "no_invitation"
    do(where, EVE, AcceptInvite(by="Bob"))
    assert members(where) == [["bob", "eve"]]


def test_an_invitation_of_a_clock_that_was_ahead_does_not_count_for_ever() -> None:
    where = state(ADA, BOB, Invitation(id="bob", by="ada", until_ms=NOW_MS + 10**9))
    assert refusal(where, BOB, AcceptInvite(by="Ada")) == "no_invitation"


def test_who_cannot_be_asked() -> None:
    where = grouped(ADA, BOB, others=(EVE, absent(DAN)))
    assert refusal(where, ADA, Invite(to="Nobody")) == "no_such_player"
    assert refusal(where, ADA, Invite(to="Ada")) == "no_such_player"
    assert refusal(where, ADA, Invite(to="Dan")) == "offline"
    assert refusal(where, EVE, Invite(to="Bob")) == "in_a_group"
    assert refusal(where, BOB, Invite(to="Eve")) == "not_lead"


def test_a_group_has_eight_members_at_most() -> None:
    eight = [player(f"P{n}") for n in range(MEMBERS_MAX)]
    where = grouped(*eight[:-1], others=(eight[-1], EVE))
    do(where, eight[0], Invite(to="Eve"))
    do(where, eight[0], Invite(to="P7"))
    do(where, eight[7], AcceptInvite(by="P0"))
    assert refusal(where, EVE, AcceptInvite(by="P0")) == "group_full"
    assert refusal(where, eight[0], Invite(to="Eve")) == "group_full"


def test_who_is_in_a_group_joins_no_other_one() -> None:
    where = state(*ALL)
    do(where, ADA, Invite(to="Bob"))
    do(where, EVE, Invite(to="Dan"))
    do(where, DAN, AcceptInvite(by="Eve"), id_="g1")
    where.put([Invitation(id="dan", by="ada", until_ms=NOW_MS + 1)])
    assert refusal(where, DAN, AcceptInvite(by="Ada")) == "in_a_group"


def test_who_asked_and_leads_no_longer_or_went_has_no_say() -> None:
    where = grouped(ADA, BOB, others=(EVE,))
    do(where, ADA, Invite(to="Eve"))
    do(where, ADA, PassLead(to="Bob"))
    assert refusal(where, EVE, AcceptInvite(by="Ada")) == "no_invitation"
    where = state(absent(ADA), EVE, Invitation(id="eve", by="ada", until_ms=NOW_MS + 1))
    assert refusal(where, EVE, AcceptInvite(by="Ada")) == "offline"


def test_who_leads_and_leaves_is_followed_by_who_came_next() -> None:
    where = grouped(ADA, BOB, EVE)
    left = do(where, ADA, LeaveGroup())
    assert members(where) == [["bob", "eve"]]
    assert {tell.conn: tell.notice.members for tell in left.notifications} == {
        "c-ada": [],
        "c-bob": ["Bob", "Eve"],
        "c-eve": ["Bob", "Eve"],
    }
    assert [tell.follow for tell in left.notifications] == [watch_group(""), None, None]


def test_one_alone_is_no_group() -> None:
    where = grouped(ADA, BOB)
    left = do(where, BOB, LeaveGroup())
    assert (members(where), where.of(Member)) == ([], {})
    assert {(tell.conn, tell.follow.watch["group"]) for tell in left.notifications} == {("c-ada", ()), ("c-bob", ())}
    assert refusal(where, ADA, LeaveGroup()) == "no_group"


def test_who_leads_puts_others_out_and_passes_the_lead_on() -> None:
    where = grouped(ADA, BOB, EVE)
    assert refusal(where, BOB, Kick(who="Eve")) == "not_lead"
    assert refusal(where, ADA, Kick(who="Ada")) == "not_in_group"
    assert refusal(where, ADA, PassLead(to="Dan")) == "not_in_group"
    assert Grouped(members=["Eve", "Ada", "Bob"], by="Eve", what="leads") in told(do(where, ADA, PassLead(to="Eve")))
    assert Grouped(members=[], by="Ada", what="kicked") in told(do(where, EVE, Kick(who="ada")))
    assert members(where) == [["eve", "bob"]]


def test_only_members_talk_to_a_group_and_only_they_hear_it() -> None:
    where = grouped(ADA, BOB, others=(EVE,))
    (heard,) = do(where, BOB, GroupTalk(text="hello\x07")).notifications
    assert heard.notice == Heard(how="group", by="Bob", text="hello", at_ms=NOW_MS, channel="group")
    assert heard.to == (group_topic(where.of(Member)["bob"].in_group),)
    assert refusal(where, EVE, GroupTalk(text="hello")) == "no_group"
    assert refusal(where, BOB, GroupTalk(text="\x07")) == "empty_text"


def test_members_see_where_the_others_are_and_how() -> None:
    where = grouped(ADA, replace(BOB, hp=7, zone="town", x=4))
    seen = do(where, ADA, events.Group()).result
    assert [(one.name, one.zone, one.hp) for one in seen.members] == [("Ada", "meadow", 100), ("Bob", "town", 7)]
    where.put(absent(players(where)["bob"]).parts)
    assert [one.present for one in do(where, ADA, events.Group()).result.members] == [True, False]
    assert do(state(EVE), EVE, events.Group()).result.members == []


def test_who_comes_back_hears_its_group() -> None:
    where = grouped(ADA, BOB)
    group = where.of(Member)["bob"].in_group
    gone = absent(players(where)["bob"])
    where.put([*gone.parts, account_of(BOB)])
    entered = play(Login(name="Bob", password="long enough"), where, circumstances(conn="c2"))
    assert entered.follow.watch["group"] == (group_topic(group),)
    where = state(absent(EVE), account_of(EVE), session_of(EVE))
    assert play(Login(name="Eve", password="long enough"), where, circumstances(conn="c2")).follow.watch["group"] == ()


def looked_after(where: State, who: str, minutes: int) -> Any:
    outcome = play(LookAfter(player=who), where, circumstances(now_ms=NOW_MS + minutes * LOOK_MS))
    fold(where, outcome)
    return outcome


def test_who_is_away_for_ten_minutes_leaves_and_who_comes_back_stays() -> None:
    where = grouped(ADA, BOB, EVE)
    where.put([*absent(EVE).parts, *absent(ADA).parts])
    for minute in range(1, ABSENCES_MAX):
        for name in ("ada", "eve"):
            looked_after(where, name, minute)
    where.put(players(state(EVE))["eve"].parts)
    looked_after(where, "eve", ABSENCES_MAX)
    left = looked_after(where, "ada", ABSENCES_MAX)
    assert Grouped(members=["Bob", "Eve"], by="Ada", what="absent") in told(left)
    assert (members(where), where.of(Member)["eve"].absences) == ([["bob", "eve"]], 0)


def test_a_doubled_look_counts_once_and_one_too_early_not_at_all() -> None:
    where = grouped(ADA, BOB)
    where.put(absent(BOB).parts)
    looked_after(where, "bob", 0)
    assert where.of(Member)["bob"].absences == 0
    for _ in range(20):
        looked_after(where, "bob", 1)
    assert where.of(Member)["bob"].absences == 1
    assert looked_after(where, "nobody", 1).put == ()


def test_muster_finds_whose_turn_it_is() -> None:
    where = grouped(ADA, BOB)
    where.results[LONGEST_AGO] = (*where.of(Member).values(), Member(id="eve", in_group="g", look_ms=NOW_MS - 1))
    assert play(Muster(n=1), where, circumstances()).events == (LookAfter(player="eve"),)
    soon = play(Muster(n=1), where, circumstances(now_ms=NOW_MS + LOOK_MS)).events
    assert {event.player for event in soon} == {"ada", "bob", "eve"}


@pytest.mark.parametrize("event", [LeaveGroup(), Kick(who="Bob"), PassLead(to="Bob"), Invite(to="Dan")])
def test_a_group_that_changed_meanwhile_is_not_changed_by_what_was_read(
    event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = grouped(ADA, BOB, EVE, others=(DAN,))
    (group,) = where.of(Group).values()
    stale = group.of(["ada", "bob"])
    read = StateReader.get
    monkeypatch.setattr(StateReader, "get", lambda self, kind, id_: stale if kind is Group else read(self, kind, id_))
    assert refusal(where, ADA, event) == "group_changed"


def test_the_absent_do_nothing() -> None:
    where = grouped(ADA, BOB)
    where.put(absent(ADA).parts)
    for event in (LeaveGroup(), Kick(who="Bob"), Invite(to="Bob"), GroupTalk(text="x"), events.Group()):
        with pytest.raises(NotNow):
            do(where, ADA, event)


NAMES = st.sampled_from([one.name for one in ALL])
DEEDS = st.one_of(
    st.builds(Invite, to=NAMES),
    st.builds(AcceptInvite, by=NAMES),
    st.builds(DeclineInvite, by=NAMES),
    st.builds(Kick, who=NAMES),
    st.builds(PassLead, to=NAMES),
    st.just(LeaveGroup()),
)


@given(st.lists(st.tuples(st.sampled_from(ALL), DEEDS, st.booleans()), max_size=30))
def test_whatever_is_done_everybody_is_in_one_group_at_most_and_no_group_has_one_member(deeds: Any) -> None:
    where = state(*ALL)
    for n, (who, deed, long_away) in enumerate(deeds):
        with suppress(Rejected):
            do(where, who, deed, id_=f"e{n}")
        if long_away and who.id in where.of(Member):
            where.put([replace(where.of(Member)[who.id], absences=ABSENCES_MAX, look_ms=0), *absent(who).parts])
            fold(where, play(LookAfter(player=who.id), where, circumstances()))
            where.put(who.parts)
        check(where)


def check(where: State) -> None:
    listed = {(player, group.id) for group in where.of(Group).values() for player in group.players}
    assert listed == {(member.id, member.in_group) for member in where.of(Member).values()}
    for group in members(where):
        assert len(set(group)) == len(group)
        assert 2 <= len(group) <= MEMBERS_MAX
