"""Instances of groups through the real applier, on each database: whoever races, a group has one."""

import threading
from collections.abc import Iterator

import pytest

from gameserver.modules.groups.entities import Group, Member
from gameserver.modules.groups.events import Kick, LeaveGroup
from gameserver.modules.instances.entities import ALL, Instance, Opening
from gameserver.modules.instances.events import Depart, Enter
from gameserver.modules.instances.tests.worlds import WORLD
from gameserver.modules.movement.entities import Body
from gameserver.processing.after_commit import Applied
from gameserver.testing.two_zones import player
from gameserver.testing.whole_entities import Whole
from tests.unit.processing.workshop import Workshop, replies, reply

ADA, BOB, EVE = player(), player("Bob", x=13), player("Eve", x=11)
FULL_ID = 64
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
        for _ in range(DELIVERIES_MAX):  # what is put off is delivered again
            if zone_of(shop, who) == "meadow":
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
