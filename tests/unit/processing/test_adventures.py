"""Groups and quests through the real applier, on each database: what they write was locked, and counts once."""

import pytest
from msgspec.structs import replace

from gameserver.maps.objects import Placed, World
from gameserver.messages.envelope import Envelope
from gameserver.modules.achievements.achievement_kinds import ACHIEVEMENTS, Achievement
from gameserver.modules.achievements.entities import Deeds
from gameserver.modules.achievements.rules import counts_of, earned_of
from gameserver.modules.combat.events import Reward
from gameserver.modules.groups.entities import Group, Member
from gameserver.modules.groups.events import AcceptInvite, Invite, Kick, LeaveGroup, LookAfter, PassLead
from gameserver.modules.groups.rules import ABSENCES_MAX
from gameserver.modules.items.entities import Item
from gameserver.modules.items.tests.worlds import thing
from gameserver.modules.movement.events import Move
from gameserver.modules.quests.entities import Journal
from gameserver.modules.quests.events import AcceptQuest, Arrived, TurnIn
from gameserver.modules.quests.maps import Person
from gameserver.modules.quests.progress import done
from gameserver.modules.quests.quest_kinds import QUESTS, Goal, Quest
from gameserver.testing.two_zones import MEADOW, TOWN, absent
from tests.unit.processing.workshop import ADA, BOB, COINS, EVE, Workshop, replies, reply

REEVE = Placed("meadow.reeve.9", 13, 11, Person("reeve"))
WORLD = World(zones={"meadow": replace(MEADOW, objects=(*MEADOW.objects, REEVE)), "town": TOWN}, start="meadow")
WOOD = Quest(
    name="wood",
    title="Wood",
    text="",
    giver="reeve",
    goals=(Goal("bring", "wood", 3), Goal("kill", "rat"), Goal("visit", "town")),
    coins=10,
    xp=5,
    items={"apple": 2},
)


def members(workshop: Workshop) -> list[str]:
    group = workshop.store.get(Group, "s-bob:1")
    return group.players if group else []


def test_a_group_is_founded_changed_and_ended(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB, EVE)
    deeds = [
        (ADA, Invite(to="Bob", seq=1)),
        (BOB, AcceptInvite(by="Ada", seq=1)),
        (ADA, Invite(to="Eve", seq=2)),
        (EVE, AcceptInvite(by="Ada", seq=1)),
        (ADA, PassLead(to="Eve", seq=3)),
    ]
    for body, event in deeds:
        for _ in range(2):  # each comes twice
            assert reply(workshop.apply(workshop.tell(body, event)))["type"] == "ok"
    assert members(workshop) == ["eve", "ada", "bob"]
    workshop.apply(workshop.tell(EVE, Kick(who="Bob", seq=2)))
    assert members(workshop) == ["eve", "ada"]
    workshop.apply(workshop.tell(EVE, LeaveGroup(seq=3)))
    assert members(workshop) == []
    assert workshop.store.get(Member, "ada") is None


def test_of_two_who_join_with_one_place_left_one_is_told(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gameserver.modules.groups.rules.MEMBERS_MAX", 2)
    workshop.enter(ADA, BOB, EVE)
    workshop.apply(workshop.tell(ADA, Invite(to="Bob", seq=1)), workshop.tell(ADA, Invite(to="Eve", seq=2)))
    both = [workshop.tell(body, AcceptInvite(by="Ada", seq=1)) for body in (BOB, EVE)]
    told = [packet.get("code", "ok") for packet in replies(workshop.apply(*both)).values()]
    assert told == ["group_changed"] or sorted(told) == ["group_changed", "ok"]
    again = workshop.apply(workshop.tell(EVE, AcceptInvite(by="Ada", seq=2)))
    assert reply(again)["code"] == "group_full"
    assert members(workshop) == ["ada", "bob"]


def test_who_is_away_for_long_is_taken_out_by_an_event_of_the_server(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.put(Group(id="g", members='["ada","bob"]'), Member(id="bob", in_group="g", look_ms=1))
    workshop.put(Member(id="ada", in_group="g", look_ms=1, absences=ABSENCES_MAX - 1))
    workshop.put(*absent(ADA).parts)
    workshop.apply(Envelope(id="l", event=LookAfter(player="ada"), at_ms=workshop.now_ms))
    assert [workshop.store.get(kind, id_) for kind, id_ in ((Group, "g"), (Member, "ada"), (Member, "bob"))] == [
        None
    ] * 3


def test_a_quest_goes_on_by_what_happens_elsewhere_and_is_paid_once(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(QUESTS, "wood", WOOD)
    monkeypatch.setitem(
        ACHIEVEMENTS, "q", Achievement(name="q", title="Q", text="", counts="quests", of="wood", number=1, points=5)
    )
    monkeypatch.setattr(workshop.store, "world", WORLD)
    workshop.enter(ADA)
    workshop.put(thing("logs", "wood", count=5))
    assert reply(workshop.apply(workshop.tell(ADA, AcceptQuest(quest="wood", seq=1))))["type"] == "ok"
    for event in (Reward(player="ada", xp=1, slain="rat"), Arrived(player="ada", zone="town")):
        workshop.apply(Envelope(id=event.spec.name, event=event, at_ms=workshop.now_ms, in_outbox=False))
    turned_in = workshop.tell(ADA, TurnIn(quest="wood", seq=2))
    for batch in ([turned_in, turned_in], [turned_in]):
        assert {packet["type"] for packet in replies(workshop.apply(*batch)).values()} == {"ok"}
    assert reply(workshop.apply(workshop.tell(ADA, TurnIn(quest="wood", seq=3))))["code"] == "not_accepted"
    assert workshop.coins("ada") == COINS + 10
    journal, deeds = workshop.store.get(Journal, "ada"), workshop.store.get(Deeds, "ada")
    assert journal is not None
    assert deeds is not None
    assert done(journal)["wood"][0] == 1
    assert counts_of(deeds)["quests:wood"] == 1
    assert "q" in earned_of(deeds)
    logs, apples = workshop.store.get(Item, "logs"), workshop.store.get(Item, "s-ada:2/0")
    assert (logs and logs.count, apples and apples.count) == (2, 2)


def test_a_step_into_another_zone_is_noted_by_events_that_are_applied(workshop: Workshop) -> None:
    workshop.enter(replace(ADA, x=30, y=10))
    applied = workshop.apply(workshop.tell(ADA, Move(dir="e", seq=1)))
    assert sorted(born.event.spec.task for born in applied.born) == ["achievements.saw", "quests.arrived"]
    for born in applied.born:
        assert workshop.apply(born).held == ()
