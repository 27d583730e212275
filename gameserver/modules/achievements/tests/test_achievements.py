import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import Corrupt
from gameserver.game import State, mail_count
from gameserver.modules.achievements import achievement_kinds, hooks
from gameserver.modules.achievements.achievement_kinds import Achievement
from gameserver.modules.achievements.entities import Deeds
from gameserver.modules.achievements.events import Achieved, Achievements, Gave, Saw
from gameserver.modules.achievements.rules import counted, counts_of, earned_of
from gameserver.modules.combat.events import Reward
from gameserver.modules.groups.entities import Invitation
from gameserver.modules.groups.events import AcceptInvite
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions.events import Register
from gameserver.modules.trade.entities import Purse
from gameserver.modules.trade.events import Give
from gameserver.rules.book import rules
from gameserver.rules.outcome import MAIL_MAX, components_of
from gameserver.testing.scenes import account_of
from gameserver.testing.two_zones import NOW_MS, circumstances, fold, play, player, players, state, told


def achievement(name: str, counts: Any, **more: Any) -> Achievement:
    return Achievement(name=name, title=name.title(), text="", counts=counts, points=5, **more)


KNOWN = [
    achievement("first", "kills"),
    achievement("rats", "kills", of="rat", number=3),
    achievement("giver", "given", number=20),
    achievement("all", "zones", every=True),
    achievement("company", "grouped"),
]
ADA, BOB = player(), player("Bob", x=13)


@pytest.fixture(autouse=True)
def achievements(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(achievement_kinds.ACHIEVEMENTS):
        monkeypatch.delitem(achievement_kinds.ACHIEVEMENTS, name)
    for one in KNOWN:
        monkeypatch.setitem(achievement_kinds.ACHIEVEMENTS, one.name, one)
    monkeypatch.setattr(hooks, "numbers_given", lambda: (20,))


def do(where: State, event: Any, who: str = "ada") -> list[Achieved]:
    outcome = play(event, where, circumstances(players(where)[who]))
    fold(where, outcome)
    heard = [notice for notice in told(outcome) if isinstance(notice, Achieved)]
    return heard + [one for born in outcome.events if isinstance(born, Gave) for one in do(where, born)]


@pytest.mark.parametrize(("counts", "file"), achievement_kinds.WITH_KINDS.items())
def test_an_achievement_of_a_kind_that_there_is_not_is_refused(counts: str, file: str) -> None:
    sentence = f"achievements.json: x: of: there is no 'dragons' among {file}."
    with pytest.raises(Corrupt, match=re.escape(sentence)):
        achievement_kinds.check_achievement(achievement("x", counts, of="dragons"))


def kill(where: State, kind: str = "rat") -> list[str]:
    return [one.name for one in do(where, Reward(player="ada", xp=1, slain=kind))]


def earned(where: State, who: str = "ada") -> set[str]:
    return {*earned_of(where.of(Deeds)[who])}


def test_the_first_kill_is_told_once_and_kinds_are_counted_apart() -> None:
    where = state(ADA)
    assert [kill(where), kill(where, "wolf"), kill(where), kill(where), kill(where)] == [
        ["first"],
        [],
        [],
        ["rats"],
        [],
    ]
    assert Achieved.notice.durable


def test_what_earns_nothing_more_is_written_down_no_more() -> None:
    where = state(ADA)
    kill(where, "wolf")
    before = where.of(Deeds)["ada"]
    kill(where, "wolf")
    assert where.of(Deeds)["ada"] == before
    assert counts_of(before) == {"kills": 1}


def give(where: State, coins: int) -> list[Gave]:
    """Give Bob coins. Return what is noted of it."""
    outcome = play(Give(to="Bob", coins=coins), where, circumstances(players(where)["ada"]))
    fold(where, outcome)
    return [event for event in outcome.events if isinstance(event, Gave)]


def test_coins_given_away_are_added_up_for_who_gives() -> None:
    where = state(ADA, BOB)
    assert [len(do(where, Give(to="Bob", coins=coins))) for coins in (19, 1, 30)] == [0, 1, 0]
    assert [purse.coins_given for purse in where.of(Purse).values()] == [50, 0]
    assert do(where, Gave(player="ada", coins=20)) == do(where, Gave(player="nobody", coins=20)) == []
    assert (earned(where), earned(where, "bob")) == ({"giver"}, set())


def test_a_gift_loads_no_deeds_and_counts_no_mail_of_the_giver() -> None:
    give_rule: Any = rules()["give"]
    assert Deeds not in components_of(give_rule)
    asked = give_rule.needs(Give(to="Bob", coins=1), circumstances(ADA))
    assert mail_count("bob") in asked
    assert mail_count("ada") not in asked


def test_who_has_given_a_thousand_more_coins_is_looked_at_again_because_numbers_may_have_changed() -> None:
    where = state(ADA, BOB)
    where.put([replace(where.of(Purse)["ada"], coins=5000, coins_given=990)])
    assert [give(where, coins) for coins in (9, 1, 1)] == [[], [Gave(player="ada", coins=1000)], []]


def test_how_far_one_is_with_gifts_is_read_from_the_purse() -> None:
    where = state(ADA, BOB)
    give(where, 7)
    listed = play(Achievements(), where, circumstances(players(where)["ada"])).result
    assert {one.name: (one.count, one.of) for one in listed.ahead}["giver"] == (7, 20)


def test_all_zones_are_seen_when_each_was_seen_once() -> None:
    where = state(ADA)
    assert do(where, Saw(player="ada", zone="meadow")) == []
    assert do(where, Saw(player="ada", zone="meadow")) == []
    assert do(where, Saw(player="ada", zone="gone")) == []
    (all_seen,) = do(where, Saw(player="ada", zone="town"))
    assert (all_seen.name, all_seen.points, all_seen.total) == ("all", 5, 5)
    assert do(where, Saw(player="nobody", zone="town")) == []


def test_a_step_into_another_zone_is_noted_and_no_other_step_is_and_none_loads_deeds() -> None:
    def noted(x: int, direction: Any) -> list[Saw]:
        outcome = play(Move(dir=direction), state(replace(ADA, x=x)), circumstances(ADA))
        return [event for event in outcome.events if isinstance(event, Saw)]

    assert noted(30, "e") == [Saw(player="ada", zone="town")]
    assert noted(12, "e") == noted(15, "e") == []
    assert Deeds not in components_of(rules()["move"])
    assert rules()["move"].needs is None  # type: ignore[attr-defined]


def test_where_one_begins_was_seen() -> None:
    outcome = play(Register(name="Eve", password="long enough"), state(), circumstances(conn="c", token="#t"))
    assert Saw(player="eve", zone="meadow") in outcome.events


def test_who_joins_a_group_is_not_alone() -> None:
    where = state(ADA, BOB, Invitation(id="ada", by="bob", until_ms=NOW_MS + 1))
    assert [one.name for one in do(where, AcceptInvite(by="Bob"))] == ["company"]


def test_who_has_no_room_for_mail_has_earned_it_all_the_same() -> None:
    where = state(ADA, mail_counts={"ada": MAIL_MAX})
    assert kill(where) == []
    assert earned(where) == {"first"}


def test_what_is_achieved_and_what_lies_ahead_is_listed() -> None:
    where = state(ADA)
    kill(where)
    do(where, Saw(player="ada", zone="town"))
    where.put([replace(where.of(Deeds)["ada"], earned='{"first":7,"gone":1}')])
    listed = play(Achievements(), where, circumstances(ADA)).result
    assert listed.points == 5
    assert [(one.name, one.at_ms) for one in listed.earned] == [("first", 7)]
    ahead = {one.name: (one.count, one.of) for one in listed.ahead}
    assert ahead == {"rats": (1, 3), "giver": (0, 20), "all": (1, 2), "company": (0, 1)}


def test_nothing_is_counted_for_somebody_who_is_not_there() -> None:
    assert counted(state(account_of(ADA)), "ada", NOW_MS, "kills") is None


@pytest.mark.parametrize(
    ("sentence", "bad"),
    [
        ("of: kinds are told apart", achievement("x", "given", of="rat")),
        ("every: only zones", achievement("x", "kills", every=True)),
        ("number: where every one counts", achievement("x", "zones", every=True, number=2)),
    ],
)
def test_what_contradicts_itself_is_refused(sentence: str, bad: Achievement) -> None:
    assert bad.problem().startswith(sentence)
    assert all(one.problem() == "" for one in KNOWN)


DEEDS: dict[str, Callable[[], Any]] = {
    "kill": lambda: Reward(player="ada", xp=1, slain="rat"),
    "wolf": lambda: Reward(player="ada", xp=1, slain="wolf"),
    "give": lambda: Give(to="Bob", coins=7),
    "town": lambda: Saw(player="ada", zone="town"),
    "meadow": lambda: Saw(player="ada", zone="meadow"),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*DEEDS]), max_size=14))
def test_each_is_told_once_and_exactly_when_it_is_reached(deeds: list[str]) -> None:
    where, heard = state(ADA, BOB), list[str]()
    for n, deed in enumerate(deeds, 1):
        heard += [one.name for one in do(where, DEEDS[deed]())]
        done = deeds[:n]
        due = {
            "first": {"kill", "wolf"} & {*done},
            "rats": done.count("kill") >= 3,
            "giver": done.count("give") >= 3,
            "all": {"town", "meadow"} <= {*done},
        }
        assert sorted(heard) == sorted(name for name, reached in due.items() if reached)
    assert {*heard} == earned(where)
