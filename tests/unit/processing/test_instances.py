"""Instances of groups through the real applier, on each database: whoever races, a group has one."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gameserver.errors import Retryable
from gameserver.messages.envelope import Envelope
from gameserver.modules.groups.entities import Group, Member
from gameserver.modules.groups.events import Kick, LeaveGroup
from gameserver.modules.instances.entities import ALL, ENDED, Instance, Opening
from gameserver.modules.instances.events import Depart, Dissolve, Enter
from gameserver.modules.instances.tests.worlds import WORLD, opened
from gameserver.modules.items.entities import Item
from gameserver.modules.items.hooks import MOVED_MAX
from gameserver.modules.items.tests.worlds import on_ground
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Move
from gameserver.processing.applied_batch import Applied
from gameserver.testing.two_zones import player
from gameserver.testing.whole_entities import Whole
from tests.unit.processing.workshop import Workshop, replies, reply

ADA, BOB, EVE = player(), player("Bob", x=13), player("Eve", x=11)
FULL_ID = 64
LYING = 2_000
DELIVERIES_MAX = 20


def at_the_gate(made: Workshop) -> Workshop:
    made.store.world = WORLD
    return made


@pytest.fixture
def gate(workshop: Workshop) -> Workshop:
    """Three at a gate; two of them are a group."""
    at_the_gate(workshop).enter(ADA, BOB, EVE)
    members = [Member(id=one.id, in_group="g:1", look_ms=1) for one in (ADA, BOB)]
    workshop.put(Group(id="g:1", members='["ada","bob"]'), *members)
    return workshop


@pytest.fixture
def second(gate: Workshop, migrated_url: str) -> Iterator[Workshop]:
    """Another worker's applier, on the same database."""
    made = at_the_gate(Workshop(migrated_url))
    made.sealer = gate.sealer
    made.applier = gate.applier.__class__(
        store=made.store,
        rules=made.rules,
        passwords=made.passwords,
        sealer=made.sealer,
        limits=made.limits,
        clock_ms=lambda: made.now_ms,
        seed="t",
    )
    yield made
    made.store.close()


def enters(workshop: Workshop, who: Whole, seq: int = 1, template: str = "cave") -> Applied:
    return workshop.apply(workshop.tell(who, Enter(template=template, seq=seq)))


def zone_of(workshop: Workshop, who: Whole) -> str:
    body = workshop.store.get(Body, who.id)
    assert body is not None
    return body.zone


def owners(workshop: Workshop) -> dict[str, str]:
    found = [workshop.store.get(Instance, f"cave#{n}") for n in range(1, 5)]
    return {one.id: one.owner for one in found if one is not None}


def test_two_members_who_enter_in_one_batch_enter_one_instance(gate: Workshop) -> None:
    batch = [gate.tell(who, Enter(template="cave", seq=n)) for n, who in enumerate((ADA, BOB, EVE), 1)]
    zones = {n: told["data"]["zone"] for n, told in replies(gate.apply(*batch)).items()}
    assert zones == {1: "cave#1", 2: "cave#1", 3: "cave#2"}
    assert owners(gate) == {"cave#1": "g:1", "cave#2": "eve"}


@pytest.mark.parametrize("opened_before", [False, True])
def test_two_members_who_enter_at_the_same_moment_enter_one_instance(
    gate: Workshop, second: Workshop, opened_before: bool
) -> None:
    if opened_before:
        gate.put(Opening(id=ALL, last=0))
    together = threading.Barrier(2)

    def goes(shop: Workshop, who: Whole) -> None:
        together.wait()
        for _ in range(DELIVERIES_MAX):  # what is put off, or finds another in the way, is delivered again
            if zone_of(shop, who) == "meadow":
                with suppress(Retryable):
                    enters(shop, who)

    threads = [threading.Thread(target=goes, args=both) for both in ((gate, ADA), (second, BOB))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert owners(gate) == {"cave#1": "g:1"}
    assert {zone_of(gate, ADA), zone_of(gate, BOB)} == {"cave#1"}
    instance = gate.store.get(Instance, "cave#1")
    assert instance is not None
    assert instance.came_from.keys() == {"ada", "bob"}


def test_who_is_kicked_in_the_batch_in_which_they_enter_enters_their_own(gate: Workshop) -> None:
    enters(gate, ADA)
    gate.apply(gate.tell(ADA, Kick(who="Bob", seq=1)), gate.tell(BOB, Enter(template="cave", seq=1)))
    assert owners(gate) == {"cave#1": "g:1", "cave#2": "bob"}
    assert zone_of(gate, BOB) == "cave#2"


def test_who_leaves_while_inside_stays_there_and_comes_in_no_more(gate: Workshop) -> None:
    for who in (ADA, BOB):
        enters(gate, who)
    gate.apply(gate.tell(BOB, LeaveGroup(seq=1)))
    assert gate.store.get(Group, "g:1") is None
    assert zone_of(gate, BOB) == zone_of(gate, ADA) == "cave#1"
    for who in (ADA, BOB):
        for _ in range(2):  # each comes twice
            assert reply(gate.apply(gate.tell(who, Depart(seq=2))))["data"]["zone"] == "meadow"
    assert reply(enters(gate, BOB, 3))["data"]["zone"] == "cave#2"
    assert reply(enters(gate, ADA, 3))["data"]["zone"] == "cave#3"


@pytest.mark.parametrize("template", ["meadow", "cave#1", "g:1", "x" * FULL_ID, "..", "'; --"])
def test_a_template_that_there_is_not_is_refused_and_opens_nothing(gate: Workshop, template: str) -> None:
    enters(gate, ADA)
    assert reply(enters(gate, BOB, template=template))["code"] == "no_gate"
    assert zone_of(gate, BOB) == "meadow"
    assert owners(gate) == {"cave#1": "g:1"}


def ends(workshop: Workshop, zone: str) -> Iterator[Applied]:
    """Apply the event that ends an instance, and what is born of it. A second delivery does nothing."""
    due = [Envelope(id="end", event=Dissolve(zone=zone, visitors=["ada"]), at_ms=workshop.now_ms)]
    while due:
        envelope = due.pop(0)
        applied = workshop.apply(envelope)
        yield applied
        due += applied.born
        if envelope.in_outbox:
            assert workshop.apply(envelope).born == ()


def test_much_that_lies_in_an_instance_comes_out_in_portions_and_all_of_it_once(workshop: Workshop) -> None:
    inside = player(zone="cave#1", x=2, y=3)
    at_the_gate(workshop).enter(inside)
    left = [on_ground(f"left {n:04}", zone="cave#1", x=4, y=4) for n in range(LYING)]
    other = on_ground("other", zone="meadow", x=1, y=1)
    workshop.put(opened(closing=1), Opening(id=ALL, last=1), other, *left)
    portions = [len(applied.outbound.multicasts) for applied in ends(workshop, "cave#1")]
    assert max(portions) <= MOVED_MAX + 2  # each thing is shown, and who is put back
    assert len(portions) == LYING // MOVED_MAX
    gone = {one.id: workshop.store.get(Item, one.id) for one in left}
    assert {(item.zone, item.x, item.y) for item in gone.values() if item} == {("meadow", 12, 10)}
    assert None not in gone.values()
    assert workshop.store.get(Item, "other") == other
    ended = workshop.store.get(Instance, "cave#1")
    assert ended is not None
    assert (ended.closing, ended.came_from) == (ENDED, {})
    assert zone_of(workshop, inside) == "meadow"


def test_who_walks_out_by_a_portal_makes_room(workshop: Workshop) -> None:
    inside = player(zone="cave#1", x=1, y=5)
    at_the_gate(workshop).enter(inside)
    workshop.put(opened(came_from={"ada": ("meadow", 11, 8), "bob": ("meadow", 1, 1)}))
    walked = workshop.apply(workshop.tell(inside, Move(dir="w", seq=1)))
    workshop.apply(*(born for born in walked.born if born.event.spec.name == "leftinstance"))
    assert zone_of(workshop, inside) == "town"
    instance = workshop.store.get(Instance, "cave#1")
    assert instance is not None
    assert instance.came_from.keys() == {"bob"}
