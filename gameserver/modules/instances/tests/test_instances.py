"""Instances: travel is one outcome, an instance ends in two steps, and nobody is ever in none."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import NotNow, Rejected, Repeated
from gameserver.maps.objects import World
from gameserver.modules.combat.entities import Creature, Duel
from gameserver.modules.combat.events import DuelEnded, Slain
from gameserver.modules.groups.entities import Group, Member
from gameserver.modules.groups.events import AcceptInvite, Invite, Kick, LeaveGroup
from gameserver.modules.instances.entities import ALL, CLOSING, ENDED, Instance, Opening
from gameserver.modules.instances.events import Depart, Dissolve, Enter, LeftInstance, Passed, PutBack, TendInstances
from gameserver.modules.instances.maps import unmapped
from gameserver.modules.instances.rules import AGAIN_MS, BUSY_ZONES, INSTANCES_MAX, KEPT_MS, OPENED
from gameserver.modules.instances.tests.worlds import CAVE, WORLD, opened
from gameserver.modules.items.entities import Item
from gameserver.modules.items.tests.worlds import on_ground
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Appeared, Chart, Move, Vanished
from gameserver.modules.movement.relocation import misplaced
from gameserver.modules.sessions.entities import Player
from gameserver.modules.world.entities import ZoneClock
from gameserver.modules.world.events import Stir
from gameserver.rules.outcome import State
from gameserver.testing import two_zones
from gameserver.testing.two_zones import NOW_MS, absent, circumstances, cut_off, fold, play, player, players, put, told
from gameserver.testing.whole_entities import Whole

ADA, BOB, EVE = player(), player("Bob"), player("Eve")
WITHIN = player(zone="cave#1", x=2, y=3)


def scene(*things: Any, **loaded: Any) -> State:
    return two_zones.state(*things, **{"world": WORLD, **loaded})


def do(where: State, who: Whole, event: Any, id_: str = "e1") -> Any:
    outcome = play(event, where, circumstances(who, id=id_))
    fold(where, outcome)
    return outcome


def refusal(where: State, who: Whole, event: Any) -> str:
    with pytest.raises(Rejected) as refused:
        play(event, where, circumstances(who))
    assert refused.value.message
    return refused.value.code


def tend(where: State, *busy: str, now_ms: int = NOW_MS) -> list[Dissolve]:
    where.results[BUSY_ZONES] = busy
    outcome = play(TendInstances(n=1), where, circumstances(id="tend", now_ms=now_ms))
    fold(where, outcome)
    return [event for event in outcome.events if isinstance(event, Dissolve)]


def test_who_enters_stands_in_a_zone_of_their_own_and_nowhere_else() -> None:
    where = scene(ADA)
    outcome = do(where, ADA, Enter(template="cave"))
    assert outcome.result == Passed(zone="cave#1", title="The Cave", x=2, y=2, ends_ms=NOW_MS + 600_000)
    assert (put(outcome, "ada").zone, put(outcome, "ada").x) == ("cave#1", 2)
    assert where.of(Instance)["cave#1"].came_from == {"ada": ("meadow", 12, 10)}
    assert where.of(Opening)[ALL].last == 1
    assert [type(one) for one in told(outcome)] == [Appeared, Vanished]
    assert outcome.follow.shard_key == "cave#1"
    assert where.zone("cave#1").walkable(2, 2)


def test_who_has_an_instance_enters_that_one_again_and_others_have_their_own() -> None:
    where = scene(ADA, BOB, opened(came_from={}, empty_ms=5), Opening(id=ALL, last=1))
    assert do(where, ADA, Enter(template="cave")).result.zone == "cave#1"
    assert where.of(Instance)["cave#1"].empty_ms == 0
    assert do(where, BOB, Enter(template="cave")).result.zone == "cave#2"
    assert where.of(Instance).keys() == {"cave#1", "cave#2"}


def grouped(*members: str, id_: str = "s-bob:1") -> tuple[Any, ...]:
    """A group, the first of which leads."""
    rows = (Member(id=member, in_group=id_, look_ms=NOW_MS) for member in members)
    return Group(id=id_, members="").of([*members]), *rows


def test_members_of_a_group_enter_the_instance_that_one_of_them_opened() -> None:
    where = scene(ADA, BOB, EVE, *grouped("ada", "bob"))
    assert do(where, BOB, Enter(template="cave")).result.zone == "cave#1"
    assert do(where, ADA, Enter(template="cave")).result.zone == "cave#1"
    assert do(where, EVE, Enter(template="cave")).result.zone == "cave#2"
    assert [one.owner for one in where.of(Instance).values()] == ["s-bob:1", "eve"]
    assert where.of(Instance)["cave#1"].came_from.keys() == {"ada", "bob"}


def test_what_a_member_opened_alone_is_not_the_group_s_and_is_theirs_again_afterwards() -> None:
    where = scene(ADA, BOB, opened(came_from={}), Opening(id=ALL, last=1), *grouped("ada", "bob"))
    assert do(where, BOB, Enter(template="cave")).result.zone == "cave#2"
    do(where, ADA, LeaveGroup(), "left")
    assert do(where, ADA, Enter(template="cave")).result.zone == "cave#1"


@pytest.mark.parametrize(("who", "event"), [(BOB, LeaveGroup()), (ADA, Kick(who="Bob"))])
def test_who_is_in_the_group_no_more_stays_within_and_comes_in_no_more(who: Whole, event: Any) -> None:
    where = scene(ADA, BOB, EVE, *grouped("ada", "bob", "eve"))
    do(where, BOB, Enter(template="cave"))
    do(where, who, event)
    assert where.of(Body)["bob"].zone == "cave#1"
    departed = do(where, players(where)["bob"], Depart())
    assert departed.result.zone == "meadow"
    assert do(where, BOB, Enter(template="cave")).result.zone == "cave#2"
    assert do(where, ADA, Enter(template="cave")).result.zone == "cave#1"


def test_a_group_that_ends_leaves_who_is_within_there_until_the_instance_ends() -> None:
    where = scene(ADA, BOB, *grouped("ada", "bob"))
    for who in (ADA, BOB):
        do(where, who, Enter(template="cave"))
    do(where, ADA, LeaveGroup())
    assert where.of(Group) == {}
    assert {body.zone for body in where.of(Body).values()} == {"cave#1"}
    (dissolve,) = tend(where, "cave#1", now_ms=NOW_MS + 600_000)
    do(where, ADA, dissolve)
    assert {body.zone for body in where.of(Body).values()} == {"meadow"}
    assert do(where, ADA, Enter(template="cave")).result.zone == "cave#2"
    assert do(where, BOB, Enter(template="cave")).result.zone == "cave#3"


def test_no_more_of_a_group_come_in_than_have_room() -> None:
    where = scene(ADA, BOB, EVE, *grouped("ada", "bob", "eve"))
    for who in (ADA, BOB):
        do(where, who, Enter(template="cave"))
    assert refusal(where, EVE, Enter(template="cave")) == "instance_full"
    do(where, players(where)["ada"], Depart())
    assert do(where, EVE, Enter(template="cave")).result.zone == "cave#1"


def test_who_departs_stands_where_they_stood_before() -> None:
    where = scene(WITHIN, opened(came_from={"ada": ("meadow", 11, 8), "bob": ("meadow", 1, 1)}))
    outcome = do(where, WITHIN, Depart())
    assert outcome.result == Passed(zone="meadow", title="The Meadow", x=11, y=8)
    assert where.of(Instance)["cave#1"].came_from == {"bob": ("meadow", 1, 1)}


@pytest.mark.parametrize(
    ("who", "event", "code"),
    [
        (ADA, Enter(template="nothing"), "no_gate"),
        (ADA, Enter(template="meadow"), "no_gate"),
        (player(x=20), Enter(template="cave"), "no_gate"),
        (player(zone="town", x=3, y=3), Enter(template="cave"), "no_gate"),
        (player(dead_until_ms=NOW_MS + 1), Enter(template="cave"), "dead"),
        (ADA, Depart(), "no_gate"),
        (player(zone="cave#1", x=9, y=6), Depart(), "no_gate"),
        (player(zone="cave#7", x=2, y=2), Depart(), "no_gate"),
        (player(zone="cave#1", x=2, y=2, dead_until_ms=NOW_MS + 1), Depart(), "dead"),
        (player(zone="cave#1", x=2, y=2), Enter(template="cave"), "no_gate"),
    ],
)
def test_what_can_t_be_is_refused_and_changes_nothing(who: Whole, event: Any, code: str) -> None:
    assert refusal(scene(who, opened("bob")), who, event) == code


@pytest.mark.parametrize("event", [Enter(template="cave"), Depart()])
def test_who_is_not_in_the_world_travels_nowhere(event: Any) -> None:
    with pytest.raises(NotNow):
        play(event, scene(absent(ADA)), circumstances(ADA))


def test_no_more_are_opened_than_there_may_be_and_those_that_are_can_be_entered() -> None:
    full = {OPENED: INSTANCES_MAX}
    assert refusal(scene(ADA, opened("bob"), results=full), ADA, Enter(template="cave")) == "too_many_instances"
    assert do(scene(ADA, opened(), results=full), ADA, Enter(template="cave")).result.zone == "cave#1"


def test_no_more_come_in_than_have_room() -> None:
    crowded = opened(came_from={"bob": ("meadow", 1, 1), "eve": ("meadow", 1, 1)})
    assert refusal(scene(ADA, crowded), ADA, Enter(template="cave")) == "instance_full"


def test_one_that_is_closing_takes_nobody_in_and_another_is_opened() -> None:
    where = scene(ADA, opened(closing=1), Opening(id=ALL, last=1))
    assert do(where, ADA, Enter(template="cave")).result.zone == "cave#2"


def test_an_instance_ends_when_its_time_is_over_or_nobody_was_in_it_for_a_while() -> None:
    where = scene(ADA, opened())
    assert tend(where, "cave#1") == []
    assert tend(where) == []
    assert where.of(Instance)["cave#1"].empty_ms == NOW_MS
    assert tend(where, "cave#1", now_ms=NOW_MS + 60_000) == []
    assert where.of(Instance)["cave#1"].empty_ms == 0
    assert tend(where, now_ms=NOW_MS + 60_000) == []
    assert tend(where, now_ms=NOW_MS + 89_999) == []
    assert tend(where, now_ms=NOW_MS + 90_000) == [Dissolve(zone="cave#1", visitors=["ada"])]
    assert where.of(Instance)["cave#1"].closing
    assert tend(where, now_ms=NOW_MS + 90_000) == []
    assert tend(scene(opened()), "cave#1", now_ms=NOW_MS + 600_000) == [Dissolve(zone="cave#1", visitors=["ada"])]


def test_who_is_within_when_it_ends_stands_at_the_gate_in_the_world_or_not() -> None:
    gone = cut_off(player("Bob", zone="cave#1", x=5, y=5))
    elsewhere = player("Eve", zone="town", x=3, y=3)
    three = {"ada": ("meadow", 11, 8), "bob": ("meadow", 13, 9), "eve": ("meadow", 1, 1)}
    where = scene(WITHIN, gone, elsewhere, opened(closing=1, came_from=three), ZoneClock(id="cave#1", tick=4))
    outcome = do(where, WITHIN, Dissolve(zone="cave#1", visitors=["ada", "bob", "eve"]))
    bodies = where.of(Body)
    assert [(b.zone, b.x, b.y) for b in bodies.values()] == [("meadow", 11, 8), ("meadow", 13, 9), ("town", 3, 3)]
    assert where.of(ZoneClock) == {}
    assert (where.of(Instance)["cave#1"].closing, where.of(Instance)["cave#1"].came_from) == (ENDED, {})
    assert [one for one in told(outcome) if isinstance(one, PutBack)] == [PutBack(zone="meadow", x=11, y=8)]
    assert [one.being.id for one in told(outcome) if isinstance(one, Appeared)] == ["ada"]
    mine = next(one for one in outcome.notifications if one.conn)
    assert (mine.conn, mine.follow.shard_key) == ("c-ada", "meadow")


def test_who_came_from_where_nobody_can_stand_any_more_stands_near_it() -> None:
    where = scene(WITHIN, opened(closing=1, came_from={"ada": ("meadow", 5, 5)}))
    do(where, WITHIN, Dissolve(zone="cave#1", visitors=["ada"]))
    assert not misplaced(WORLD, where.of(Body)["ada"])
    assert where.of(Body)["ada"].zone == "meadow"


def test_what_lies_in_it_lies_at_the_gate_and_what_lives_in_it_is_gone() -> None:
    left, other = on_ground("sword", zone="cave#1", x=4, y=4), on_ground("club", zone="meadow", x=1, y=1)
    rat = Creature(id="cave#1.rat.2", kind="rat", zone="cave#1", x=3, y=3)
    where = scene(left, other, rat, opened(closing=1, came_from={}))
    do(where, ADA, Dissolve(zone="cave#1", visitors=[]))
    lying = {item.id: (item.zone, item.x, item.y) for item in where.of(Item).values()}
    assert lying == {"sword": ("meadow", 12, 10), "club": ("meadow", 1, 1)}
    assert where.of(Creature) == {}


def test_what_died_when_its_instance_had_ended_leaves_its_things_at_the_gate() -> None:
    where = scene(opened(closing=CLOSING, came_from={}))
    do(where, ADA, Dissolve(zone="cave#1", visitors=[]))
    left = due = 0
    for n in range(40):
        outcome = do(where, ADA, Slain(kind="rat", zone="cave#1", x=3, y=3), f"s{n}")
        due += len(outcome.events)
        for born in outcome.events:
            do(where, ADA, born, f"d{n}")
        left = len(where.of(Item))
        assert {(item.zone, item.x, item.y) for item in where.of(Item).values()} <= {("meadow", 12, 10)}
    assert left
    assert due == 40


def test_what_came_into_a_zone_that_has_ended_comes_out_as_long_as_it_is_remembered() -> None:
    where = scene(opened(closing=CLOSING, empty_ms=NOW_MS, ends_ms=NOW_MS, came_from={}))
    do(where, ADA, Dissolve(zone="cave#1", visitors=[]))
    assert tend(where, now_ms=NOW_MS + AGAIN_MS - 1) == []
    where.put([on_ground("sword", zone="cave#1", x=4, y=4), Creature("cave#1.rat.2", "rat", "cave#1", 3, 3)])
    (again,) = tend(where, now_ms=NOW_MS + AGAIN_MS)
    do(where, ADA, again)
    assert where.of(Item)["sword"].zone == "meadow"
    assert where.of(Creature) == {}
    now_ms = NOW_MS + KEPT_MS
    (last,) = tend(where, now_ms=now_ms)
    fold(where, play(last, where, circumstances(now_ms=now_ms)))
    assert where.of(Instance) == {}


def test_one_whose_end_was_never_applied_is_ended_again() -> None:
    where = scene(WITHIN, opened(closing=CLOSING, empty_ms=NOW_MS, ends_ms=NOW_MS))
    (again,) = tend(where, now_ms=NOW_MS + AGAIN_MS)
    do(where, ADA, again)
    assert where.of(Body)["ada"].zone == "meadow"


def test_what_lay_within_lies_where_one_can_stand_though_the_gate_was_walled_in() -> None:
    walled = opened(closing=CLOSING, came_from={}, gate_x=5, gate_y=5)
    where = scene(on_ground("sword", zone="cave#1", x=4, y=4), walled)
    do(where, ADA, Dissolve(zone="cave#1", visitors=[]))
    sword = where.of(Item)["sword"]
    assert (sword.zone, WORLD.zones["meadow"].walkable(sword.x, sword.y)) == ("meadow", True)


def fighting(id_: str, rival: str, **changes: Any) -> Whole:
    until_ms = NOW_MS + 300_000
    return player(id_, zone="cave#1", rival=rival, rival_until_ms=until_ms, duel_zone="cave#1", **changes)


def test_a_duel_is_over_with_the_instance_and_both_are_told() -> None:
    both = {"ada": ("meadow", 11, 8), "bob": ("meadow", 12, 10)}
    where = scene(fighting("Ada", "bob", x=4, y=4), fighting("Bob", "ada", x=5, y=4), opened(came_from=both))
    outcome = do(where, ADA, Dissolve(zone="cave#1", visitors=["ada", "bob"]))
    assert {duel.id: duel for duel in where.of(Duel).values()} == {"ada": Duel(id="ada"), "bob": Duel(id="bob")}
    ended = [one for one in outcome.notifications if isinstance(one.notice, DuelEnded)]
    assert {one.player for one in ended} == {"ada", "bob"}
    assert {(one.notice.winner, one.notice.why) for one in ended} == {("", "over")}


def walks_out(where: State) -> LeftInstance:
    """Ada takes the step onto the portal."""
    (born,) = [
        event for event in do(where, players(where)["ada"], Move(dir="w"), "m1").events if type(event) is LeftInstance
    ]
    return born


def test_who_walks_out_by_a_portal_is_no_visitor_any_more_and_there_is_room() -> None:
    both = {"ada": ("meadow", 11, 8), "bob": ("meadow", 1, 1)}
    bob = player("Bob", zone="cave#1", x=6, y=6)
    where = scene(player(zone="cave#1", x=1, y=5), bob, EVE, opened(came_from=both), *grouped("ada", "bob", "eve"))
    where.put([replace(where.of(Instance)["cave#1"], owner="s-bob:1")])
    assert refusal(where, EVE, Enter(template="cave")) == "instance_full"
    left = walks_out(where)
    assert left == LeftInstance(player="ada", zone="cave#1")
    do(where, ADA, left, "l1")
    assert where.of(Body)["ada"].zone == "town"
    assert where.of(Instance)["cave#1"].came_from.keys() == {"bob"}
    assert do(where, EVE, Enter(template="cave")).result.zone == "cave#1"


def test_who_has_come_in_again_before_it_was_noted_is_a_visitor() -> None:
    where = scene(player(zone="cave#1", x=1, y=5), opened(), Opening(id=ALL, last=1))
    left = walks_out(where)
    where.put([replace(where.of(Body)["ada"], zone="meadow", x=12, y=10)])
    do(where, players(where)["ada"], Enter(template="cave"))
    do(where, ADA, left, "l1")
    assert where.of(Instance)["cave#1"].came_from.keys() == {"ada"}


def test_a_step_within_an_instance_bears_nothing() -> None:
    where = scene(WITHIN, opened())
    assert do(where, WITHIN, Move(dir="s")).events == ()


def test_who_left_what_has_ended_meanwhile_is_where_they_are() -> None:
    outcome = play(LeftInstance(player="ada", zone="cave#1"), scene(ADA), circumstances())
    assert (outcome.put, outcome.drop) == ((), ())


def test_it_ends_once() -> None:
    outcome = play(Dissolve(zone="cave#1", visitors=["ada"]), scene(WITHIN), circumstances())
    assert (outcome.put, outcome.drop) == ((), ())


@pytest.mark.parametrize("rows", [(), (opened(closing=1),)])
def test_nothing_stirs_in_what_is_over(rows: tuple[Instance, ...]) -> None:
    with pytest.raises(Repeated):
        play(Stir(zone="cave#1", n=1), scene(*rows), circumstances())
    outcome = play(Stir(zone="cave#1", n=1), scene(opened()), circumstances())
    assert {thing.id for thing in outcome.put} == {"cave#1", "cave#1.rat.2"}


def test_maps_show_gates() -> None:
    signs = play(Chart(), scene(ADA), circumstances(ADA)).result.signs
    assert [(sign.name, sign.x, sign.y) for sign in signs if sign.kind == "gate"] == [("cave", 12, 9)]
    assert play(Chart(), scene(WITHIN), circumstances(WITHIN)).result.zone == "cave#1"


def test_instances_of_a_template_that_is_gone_do_not_fit_into_the_world() -> None:
    assert not unmapped(WORLD, opened())
    assert "cave, which is gone" in unmapped(World(zones=WORLD.zones, start="meadow"), opened())


THREE = {one.id: one for one in (ADA, BOB, EVE)}
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["enter", "enter", "depart", "leave"]), st.sampled_from([*THREE])),
        st.tuples(st.sampled_from(["invite", "join", "kick"]), st.permutations([*THREE])),
        st.tuples(st.sampled_from(["tend", "end", "late"]), st.none()),
    ),
    max_size=30,
)


def deed(what: str, who: Any) -> tuple[str, Any]:
    """Who does it, and the event."""
    if what in ("invite", "join", "kick"):
        other = THREE[who[1]].name
        return who[0], {"invite": Invite(to=other), "join": AcceptInvite(by=other), "kick": Kick(who=other)}[what]
    return who, {"enter": Enter(template="cave"), "depart": Depart(), "leave": LeaveGroup()}[what]


def owner_of(where: State, who: str) -> str:
    """Whose instance a player may enter."""
    member = where.get(Member, who)
    return member.in_group if member else who


@given(DEEDS)
def test_whatever_happens_each_is_in_one_zone_that_is_open_and_entered_what_was_theirs(deeds: list[Any]) -> None:
    where, now_ms, due = scene(*THREE.values()), NOW_MS, []
    for n, (what, who) in enumerate(deeds):
        if what == "tend":
            due += tend(where, *{body.zone for body in where.of(Body).values()}, now_ms=now_ms)
        elif what == "late":
            now_ms += 20_000
        elif what == "end" and due:
            do(where, ADA, due.pop(0), f"e{n}")
        elif who:
            name, event = deed(what, who)
            owner = owner_of(where, name)
            with suppress(Rejected):
                do(where, players(where)[name], event, f"e{n}:{name}")
                assert what != "enter" or where.of(Instance)[where.of(Body)[name].zone].owner == owner
        for body in where.of(Body).values():
            instance = where.get(Instance, body.zone)
            assert body.zone in WORLD.zones or (instance is not None and body.id in instance.came_from)
            assert where.get(Player, body.id) is not None
        owners = [one.owner for one in where.of(Instance).values() if not one.closing]
        assert len(owners) == len(set(owners))


def test_the_map_of_an_instance_is_its_template_s_with_ids_of_its_own() -> None:
    zone = WORLD.zone("cave#17")
    assert zone is not None
    assert (zone.name, zone.title, zone.walls) == ("cave#17", "The Cave", CAVE.walls)
    assert [placed.id for placed in zone.objects] == ["cave#17.spawn.1", "cave#17.rat.2", "cave#17.portal.3"]
    assert WORLD.zone("cave#17") is zone
    assert [WORLD.zone(name) for name in ("cave", "nothing#1", "meadow#1", "#")] == [None] * 4
