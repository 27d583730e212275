import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import Corrupt
from gameserver.game import NotNow, Placed, Rejected, State, World
from gameserver.modules.combat.entities import Strength
from gameserver.modules.combat.events import Attack, Reward
from gameserver.modules.items.entities import Item
from gameserver.modules.items.events import Take
from gameserver.modules.items.tests.worlds import on_ground, thing
from gameserver.modules.items.things import CARRIED_MAX, held
from gameserver.modules.movement.events import Look, Move, View
from gameserver.modules.quests import maps, quest_kinds
from gameserver.modules.quests.entities import Journal
from gameserver.modules.quests.events import (
    AbandonQuest,
    AcceptQuest,
    Arrived,
    Fulfilled,
    Progressed,
    Quests,
    TalkTo,
    TurnIn,
)
from gameserver.modules.quests.maps import Person, quests_can_be_done
from gameserver.modules.quests.progress import DAY_MS, done, undertaken
from gameserver.modules.quests.quest_kinds import Goal, Quest, check_quest
from gameserver.modules.quests.rules import UNDERTAKEN_MAX
from gameserver.modules.trade.entities import Purse
from gameserver.rules.book import rules
from gameserver.rules.outcome import MAIL_MAX, components_of
from gameserver.testing.two_zones import (
    MEADOW,
    NOW_MS,
    TOWN,
    absent,
    circumstances,
    creature,
    fold,
    play,
    player,
    players,
    state,
    told,
)

PEOPLE = (
    Placed("meadow.reeve.8", 13, 11, maps.Person("reeve")),
    Placed("meadow.basil.9", 10, 10, maps.Person("basil")),
    Placed("meadow.hugh.10", 25, 15, maps.Person("hugh")),
    Placed("meadow.landmark.11", 16, 10, maps.Landmark(landmark="oak", title="The Oak", reach=1)),
)
WORLD = World(
    zones={"meadow": replace(MEADOW, objects=(*MEADOW.objects, *PEOPLE)), "town": TOWN},
    start="meadow",
)


def quest(name: str, *goals: Goal, **more: Any) -> Quest:
    return Quest(
        **{"name": name, "title": name.title(), "text": "", "giver": "reeve", "coins": 10, "xp": 5, **more}, goals=goals
    )


WOOD, RATS = Goal("bring", "wood", 3), Goal("kill", "rat", 2)
KNOWN = [
    quest("wood", WOOD, items={"apple": 2, "knife": 1}),
    quest("daily", Goal("bring", "apple", 1), daily=True),
    quest("rats", RATS),
    quest(
        "advice", Goal("talk", "basil", words="barrow", says="Go home."), Goal("visit", "town"), Goal("visit", "oak")
    ),
    quest("chained", RATS, after=("wood",)),
    quest("errand", Goal("bring", "wood", 1), taker="hugh"),
]
ADA = player()


@pytest.fixture(autouse=True)
def quests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(quest_kinds.QUESTS):
        monkeypatch.delitem(quest_kinds.QUESTS, name)
    for one in KNOWN:
        monkeypatch.setitem(quest_kinds.QUESTS, one.name, one)


def scene(*things: Any, ada: Any = ADA, **more: Any) -> State:
    return state(ada, *things, world=WORLD, **more)


def do(where: State, event: Any, id_: str = "e1", now_ms: int = NOW_MS) -> Any:
    outcome = play(event, where, circumstances(players(where)["ada"], id=id_, now_ms=now_ms))
    fold(where, outcome)
    return outcome


def refusal(where: State, event: Any, now_ms: int = NOW_MS) -> str:
    before = {kind: dict(found) for kind, found in where.things.items()}
    with pytest.raises(Rejected) as refused:
        do(where, event, now_ms=now_ms)
    assert where.things == before
    assert refused.value.message
    return refused.value.code


def journal(where: State) -> Journal:
    return where.of(Journal)["ada"]


def wealth(where: State) -> tuple[int, int, dict[str, int]]:
    mine = {item.kind: item.count for item in held(where, "ada")}
    return where.of(Purse)["ada"].coins, where.of(Strength)["ada"].xp, mine


def test_what_is_brought_is_given_up_and_paid_for_once() -> None:
    where = scene(thing("logs", "wood", count=5))
    begun = do(where, AcceptQuest(quest="wood")).result
    assert [(aim.count, aim.of) for aim in begun.aims] == [(3, 3)]
    assert begun.ready
    paid = do(where, TurnIn(quest="wood"), "e9").result
    assert (paid.paid, paid.coins, paid.xp, paid.total) == (10, 110, 5, 5)
    assert [(one.id, one.kind, one.count) for one in paid.things] == [("e9/0", "apple", 2), ("e9/1", "knife", 0)]
    assert wealth(where) == (110, 5, {"wood": 2, "apple": 2, "knife": 0})
    assert refusal(where, TurnIn(quest="wood")) == "not_accepted"
    assert refusal(where, AcceptQuest(quest="wood")) == "done_already"
    assert done(journal(where))["wood"][0] == 1


def test_with_too_few_things_or_no_room_nothing_is_paid_and_nothing_taken() -> None:
    where = scene(thing("logs", "wood", count=2))
    do(where, AcceptQuest(quest="wood"))
    assert refusal(where, TurnIn(quest="wood")) == "too_few_things"
    full = [thing(f"n{n}", "short_sword") for n in range(CARRIED_MAX - 1)]
    where = scene(thing("logs", "wood", count=5), *full)
    do(where, AcceptQuest(quest="wood"))
    assert refusal(where, TurnIn(quest="wood")) == "too_many_things"


def test_what_is_given_up_makes_room_for_what_is_paid() -> None:
    full = [thing(f"n{n}", "short_sword") for n in range(CARRIED_MAX - 2)]
    where = scene(thing("logs", "wood", count=3), *full)
    do(where, AcceptQuest(quest="wood"))
    do(where, TurnIn(quest="wood"))
    assert len(held(where, "ada")) == CARRIED_MAX


def slain(where: State, kind: str = "rat", n: int = 1) -> Any:
    for _ in range(n):
        outcome = play(Reward(player="ada", xp=1, slain=kind), where, circumstances(id="r"))
        fold(where, outcome)
    return outcome


def test_kills_count_by_the_rewards_for_them_and_the_last_one_is_told_durably() -> None:
    where = scene()
    assert [n for n in told(slain(where)) if isinstance(n, Progressed)] == []
    do(where, AcceptQuest(quest="rats"))
    assert refusal(where, TurnIn(quest="rats")) == "unfinished"
    assert Progressed(quest="rats", title="Rats", aim="Slay Rat", count=1, of=2) in told(slain(where))
    assert Fulfilled(quest="rats", title="Rats", taker="Reeve Tobias") in told(slain(where))
    assert Fulfilled.notice.durable
    assert [n for n in told(slain(where)) if isinstance(n, Progressed | Fulfilled)] == []
    slain(where, "wolf")
    assert undertaken(journal(where)) == {"rats": [2]}
    do(where, TurnIn(quest="rats"))
    assert undertaken(journal(where)) == {}


def test_who_has_no_room_for_mail_goes_on_all_the_same() -> None:
    where = scene(mail_counts={"ada": MAIL_MAX})
    do(where, AcceptQuest(quest="rats"))
    assert not [n for n in told(slain(where, n=2)) if isinstance(n, Fulfilled)]
    assert do(where, Quests()).result.quests[0].ready


def test_a_kill_is_rewarded_by_an_event_that_the_blow_gives_birth_to() -> None:
    where = scene(creature(hp=1))
    reward, _ = do(where, Attack(target="meadow.rat.1")).events
    assert isinstance(reward, Reward)


def test_a_quest_of_words_and_places_goes_on_by_talking_and_walking() -> None:
    where = scene(ada=replace(ADA, x=11))
    do(where, AcceptQuest(quest="advice"))
    assert do(where, TalkTo(person="basil")).result.quests == []
    said = do(where, TalkTo(person="meadow.basil.9", words="What of the BARROWS?")).result
    assert (said.text, [one.quest for one in said.quests]) == ("Go home.", ["advice"])
    for event in (Arrived(player="ada", zone="town"), Arrived(player="ada", zone="meadow", landmark="oak")):
        outcome = play(event, where, circumstances())
        fold(where, outcome)
        fold(where, play(event, where, circumstances()))  # a doubled one does nothing
    assert [type(n) for n in told(outcome)] == [Progressed, Fulfilled]
    assert undertaken(journal(where)) == {"advice": [1, 1, 1]}
    do(where, TurnIn(quest="advice"))


@pytest.mark.parametrize(
    ("x", "y", "direction", "came"),
    [
        (30, 10, "e", [Arrived(player="ada", zone="town")]),
        (14, 10, "e", [Arrived(player="ada", zone="meadow", landmark="oak")]),
        (15, 10, "e", []),
        (12, 10, "w", []),
    ],
)
def test_a_step_into_a_zone_or_onto_a_landmark_is_noted_by_an_event_of_its_own(
    x: int, y: int, direction: Any, came: list[Arrived]
) -> None:
    where = scene(ada=replace(ADA, x=x, y=y))
    outcome = do(where, Move(dir=direction))
    assert [event for event in outcome.events if isinstance(event, Arrived)] == came


def test_a_step_loads_no_journal() -> None:
    assert Journal not in components_of(rules()["move"])
    assert rules()["move"].needs is None  # type: ignore[attr-defined]


def test_what_is_picked_up_for_a_quest_is_counted() -> None:
    where = scene(on_ground("logs", "wood", count=2), on_ground("more", "apple"))
    do(where, AcceptQuest(quest="wood"))
    assert Progressed(quest="wood", title="Wood", aim="Bring Wood", count=2, of=3) in told(
        do(where, Take(thing="logs"))
    )
    assert [n for n in told(do(where, Take(thing="more"))) if isinstance(n, Progressed)] == []


def test_a_chain_begins_when_what_comes_before_is_done() -> None:
    where = scene(thing("logs", "wood", count=5))
    assert "chained" not in [offer.quest for offer in do(where, Quests()).result.offers]
    assert refusal(where, AcceptQuest(quest="chained")) == "not_offered"
    do(where, AcceptQuest(quest="wood"))
    do(where, TurnIn(quest="wood"))
    assert "chained" in [offer.quest for offer in do(where, Quests()).result.offers]
    do(where, AcceptQuest(quest="chained"))


MIDNIGHT = (NOW_MS // DAY_MS + 1) * DAY_MS


def test_a_daily_quest_is_paid_once_a_day_whichever_clock_is_ahead() -> None:
    where = scene(thing("apples", "apple", count=9))

    def daily(now_ms: int) -> None:
        do(where, AcceptQuest(quest="daily"), now_ms=now_ms)
        do(where, TurnIn(quest="daily"), now_ms=now_ms)

    daily(MIDNIGHT - 5_000)
    assert refusal(where, AcceptQuest(quest="daily"), MIDNIGHT - 1) == "done_already"
    daily(MIDNIGHT + 500)  # by a clock that is a second ahead
    for now_ms in (MIDNIGHT - 500, MIDNIGHT + 1_000, MIDNIGHT + DAY_MS - 1):
        assert refusal(where, AcceptQuest(quest="daily"), now_ms) == "done_already"
    daily(MIDNIGHT + DAY_MS)
    assert done(journal(where))["daily"][0] == 3


def test_what_was_accepted_yesterday_and_paid_today_is_paid_once_today() -> None:
    where = scene(thing("apples", "apple", count=9))
    do(where, AcceptQuest(quest="daily"), now_ms=MIDNIGHT - 1)
    do(where, TurnIn(quest="daily"), now_ms=MIDNIGHT + 1)
    assert refusal(where, AcceptQuest(quest="daily"), MIDNIGHT + 2) == "done_already"
    assert refusal(where, AcceptQuest(quest="daily"), MIDNIGHT - 1) == "done_already"


def test_what_is_abandoned_begins_anew() -> None:
    where = scene()
    do(where, AcceptQuest(quest="rats"))
    slain(where)
    do(where, AbandonQuest(quest="rats"))
    assert refusal(where, AbandonQuest(quest="rats")) == "not_accepted"
    assert refusal(where, TurnIn(quest="rats")) == "not_accepted"
    do(where, AcceptQuest(quest="rats"))
    assert undertaken(journal(where)) == {"rats": [0]}


def test_who_is_not_there_gives_and_takes_nothing() -> None:
    far = scene(thing("logs", "wood", count=5), ada=replace(ADA, x=20))
    assert refusal(far, AcceptQuest(quest="wood")) == "person_elsewhere"
    assert refusal(far, TalkTo(person="reeve")) == "person_elsewhere"
    assert refusal(far, TalkTo(person="nobody")) == "no_such_person"
    assert do(far, Quests()).result.offers == []
    where = scene(thing("logs", "wood", count=5))
    do(where, AcceptQuest(quest="errand"))
    assert refusal(where, TurnIn(quest="errand")) == "person_elsewhere"
    where.put(replace(ADA, x=24, y=15).parts)
    assert do(where, TurnIn(quest="errand")).result.paid == 10


def test_bad_input_is_told_as_such() -> None:
    where = scene()
    for event in (AcceptQuest(quest="x"), TurnIn(quest="x")):
        assert refusal(where, event) == "no_such_quest"
    assert refusal(where, AbandonQuest(quest="x")) == "not_accepted"
    do(where, AcceptQuest(quest="rats"))
    assert refusal(where, AcceptQuest(quest="rats")) == "already_accepted"


def test_nobody_has_more_than_twenty_quests(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(UNDERTAKEN_MAX + 1):
        monkeypatch.setitem(quest_kinds.QUESTS, f"q{n}", quest(f"q{n}", RATS))
    where = scene()
    for n in range(UNDERTAKEN_MAX):
        do(where, AcceptQuest(quest=f"q{n}"))
    assert refusal(where, AcceptQuest(quest=f"q{UNDERTAKEN_MAX}")) == "too_many_quests"


@pytest.mark.parametrize("event", [AcceptQuest(quest="rats"), TurnIn(quest="rats"), TalkTo(person="reeve"), Quests()])
def test_the_dead_and_the_absent_have_no_part_in_it(event: Any) -> None:
    assert refusal(scene(ada=replace(ADA, dead_until_ms=9)), event) == "dead"
    where = scene(ada=absent(ADA))
    with pytest.raises(NotNow):
        do(where, event)


def test_a_quest_that_is_in_no_data_file_any_more_can_be_given_up_and_does_no_harm() -> None:
    where = scene(Journal(id="ada", undertaken='{"gone":[1],"rats":[1,5,9]}', done='{"old":[1,1]}'))
    slain(where)
    assert undertaken(journal(where)) == {"gone": [1], "rats": [2]}
    assert [one.quest for one in do(where, Quests()).result.quests] == ["rats"]
    do(where, AbandonQuest(quest="gone"))
    assert undertaken(journal(where)) == {"rats": [2]}


def test_people_are_seen_by_who_walks_by() -> None:
    (view,) = [n for n in told(do(scene(), Look())) if isinstance(n, View)]
    assert [(one.id, one.name, one.kind, one.x) for one in view.beings if one.kind == "person"] == [
        ("meadow.reeve.8", "Reeve Tobias", "person", 13),
        ("meadow.basil.9", "Brother Basil", "person", 10),
    ]


BAD = {
    "giver: there is nobody called 'x'": quest("q", WOOD, giver="x"),
    "taker: there is nobody called 'x'": quest("q", WOOD, taker="x"),
    "goals.what: there is no item 'x'": quest("q", Goal("bring", "x")),
    "goals.what: pouch holds things": quest("q", Goal("bring", "pouch")),
    "goals.what: there is no creature 'x'": quest("q", Goal("kill", "x")),
    "goals.what: there is nobody called 'x'": quest("q", Goal("talk", "x")),
    "items: there is no item 'x'": quest("q", WOOD, items={"x": 1}),
    "items: knife is paid as 1 to 1": quest("q", WOOD, items={"knife": 2}),
    "after: there is no quest 'x'": quest("q", WOOD, after=("x",)),
    "after: nobody can begin": quest("q", WOOD, after=("r",)),
}


@pytest.mark.parametrize("sentence", BAD)
def test_a_file_that_names_what_is_not_there_is_refused(sentence: str) -> None:
    with pytest.raises(Corrupt, match=rf"quests\.json: q: {re.escape(sentence)}"):
        check_quest(BAD[sentence], {"q": BAD[sentence], "r": quest("r", WOOD, after=("q",))})


@pytest.mark.parametrize(
    ("sentence", "bad"),
    [
        ("goals: two of them are the same", quest("q", RATS, RATS)),
        ("goals.what: a kind of thing is brought twice", quest("q", WOOD, replace(WOOD, words="x"))),
        ("goals.words: only who is talked to", quest("q", Goal("visit", "town", words="x"))),
        ("goals.count: one talks or visits once", quest("q", Goal("visit", "town", 2))),
        ("after: it can't come after itself", quest("q", WOOD, after=("q",))),
        ("it pays nothing", quest("q", WOOD, coins=0, xp=0)),
    ],
)
def test_what_contradicts_itself_is_refused(sentence: str, bad: Quest) -> None:
    assert bad.problem().startswith(sentence)


def test_maps_without_the_people_and_places_of_quests_are_refused() -> None:
    bare = World(zones={"meadow": MEADOW}, start="meadow")
    assert list(quests_can_be_done(bare)) == []  # a world in which nobody stands has no quests
    somebody = Placed(id="meadow.mabel.1", x=1, y=1, what=Person(person="mabel"))
    peopled = replace(bare, zones={"meadow": replace(MEADOW, objects=(*MEADOW.objects, somebody))})
    found = [sentence for _, sentence in quests_can_be_done(peopled)]
    assert "the quest 'wood' needs 'reeve', who stands on no map" in found
    assert "the quest 'advice' leads to 'oak', which is no place" in found
    assert list(quests_can_be_done(WORLD)) == []


@pytest.mark.parametrize(
    ("placed", "problem"),
    [
        (maps.Person("nobody"), "is of unknown person"),
        (maps.Landmark("oak", "Oak", 99), "reaches 99 tiles"),
        (maps.Person("reeve"), ""),
    ],
)
def test_what_is_wrong_with_a_map_object_is_said(placed: Any, problem: str) -> None:
    assert placed.problem().startswith(problem)
    assert bool(placed.problem()) == bool(problem)


NAMES = st.sampled_from([one.name for one in KNOWN])
DEEDS = st.one_of(
    st.builds(AcceptQuest, quest=NAMES),
    st.builds(AbandonQuest, quest=NAMES),
    st.builds(TurnIn, quest=NAMES),
    st.builds(TalkTo, person=st.sampled_from(["basil", "reeve"]), words=st.sampled_from(["", "barrow"])),
    st.builds(Reward, player=st.just("ada"), xp=st.just(1), slain=st.sampled_from(["rat", "wolf"])),
    st.builds(Arrived, player=st.just("ada"), zone=st.just("town"), landmark=st.sampled_from(["", "oak"])),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(DEEDS, st.integers(0, 3)), max_size=40))
def test_whatever_is_done_each_quest_is_paid_as_often_as_it_was_done(deeds: Any) -> None:
    where = scene(thing("logs", "wood", count=9), thing("apples", "apple", count=9), ada=replace(ADA, x=11))
    paid: dict[str, int] = {}
    days: set[tuple[str, int]] = set()
    for n, (deed, day) in enumerate(deeds):
        with suppress(Rejected):
            outcome = do(where, deed, f"e{n}", NOW_MS + day * DAY_MS)  # clocks that go back, too
            if isinstance(deed, TurnIn):
                paid[deed.quest] = paid.get(deed.quest, 0) + outcome.result.paid
                assert (deed.quest, day) not in days
                days.add((deed.quest, day))
    assert {name: times * 10 for name, (times, _) in done(journal(where)).items()} == paid
    assert sum(paid.values()) == where.of(Purse)["ada"].coins - 100
    assert all(times == 1 for name, (times, _) in done(journal(where)).items() if name != "daily")
    assert not {*undertaken(journal(where))} & {*done(journal(where))} - {"daily"}
    assert all(item.count > 0 or item.kind == "knife" for item in where.of(Item).values())
