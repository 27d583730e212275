"""Fights through the real applier, on each database: what a wide blow, a tick and an ending zone write was locked."""

from typing import Any

from msgspec.structs import replace

from gameserver.declare.base import Event
from gameserver.declare.conserved import quantities
from gameserver.messages.envelope import Envelope
from gameserver.modules.bank.rules import in_bank
from gameserver.modules.combat.effects import Effect, written
from gameserver.modules.combat.entities import Creature, Duel
from gameserver.modules.combat.events import AcceptDuel, Attack, Challenge, Cleave, Fall, Forfeit
from gameserver.modules.combat.gear import Gear
from gameserver.modules.combat.gear import written as worn
from gameserver.modules.creatures.companions import companion_ids
from gameserver.modules.creatures.events import Heel
from gameserver.modules.instances.events import Dissolve
from gameserver.modules.instances.tests.worlds import WORLD, opened
from gameserver.modules.items.entities import Item
from gameserver.modules.items.things import worn_by
from gameserver.modules.movement.events import Move
from gameserver.modules.world.events import Stir
from gameserver.modules.world.rules import TICK_MS
from gameserver.processing.applied_batch import Applied
from gameserver.testing.conservation import difference
from gameserver.testing.effect_log import read_books
from gameserver.testing.two_zones import absent, creature, player
from tests.unit.processing.workshop import ADA, BOB, Workshop, notices, reply

PET = companion_ids("ada")[0]
RAT, OTHER = "meadow.rat.1", "meadow.rat.7"
AXE = worn(Gear(sweeps=1))


def pet(**changes: Any) -> Creature:
    given: dict[str, Any] = {
        "kind": "wolf",
        "zone": "meadow",
        "x": 11,
        "y": 10,
        "hp": 35,
        "owner": "ada",
        "mood": "follow",
    }
    return Creature(**{"id": PET, **given, **changes})


def stir(workshop: Workshop, zone: str = "meadow", id_: str = "") -> Applied:
    workshop.now_ms += TICK_MS
    n = workshop.now_ms // TICK_MS
    return workshop.apply(Envelope(id=id_ or f"tick:{n}/e0", event=Stir(zone=zone, n=n), at_ms=workshop.now_ms))


def born(workshop: Workshop, event: Event, id_: str) -> Applied:
    return workshop.apply(Envelope(id=id_, event=event, at_ms=workshop.now_ms))


def seen(workshop: Workshop, id_: str) -> Creature:
    found = workshop.store.get(Creature, id_)
    assert found is not None
    return found


def duel(workshop: Workshop, id_: str) -> Duel:
    return workshop.load(players=(id_,)).of(Duel)[id_]


def fight(workshop: Workshop) -> None:
    """Let Ada and Bob fight a duel."""
    workshop.enter(ADA, BOB)
    workshop.apply(workshop.tell(ADA, Challenge(to="Bob", seq=1)))
    assert reply(workshop.apply(workshop.tell(BOB, AcceptDuel(to="Ada", seq=1))))["type"] == "ok"
    assert (duel(workshop, "ada").rival, duel(workshop, "bob").rival) == ("bob", "ada")


def test_a_wide_blow_strikes_all_that_is_near_once_and_nothing_of_ones_own(workshop: Workshop) -> None:
    workshop.enter(replace(ADA, gear=AXE))
    workshop.put(creature(hp=12), creature(OTHER, x=12, y=11, hp=12), creature("meadow.rat.8", x=20, y=10), pet())
    blow = workshop.tell(ADA, Cleave(seq=1))
    first = reply(workshop.apply(blow))
    assert first["type"] == "ok"
    hits = {hit["target"]: hit["hp"] for hit in first["data"]["hits"]}
    assert hits.keys() == {RAT, OTHER}
    workshop.apply(blow)  # it comes again
    assert {id_: seen(workshop, id_).hp for id_ in hits} == hits
    assert (seen(workshop, PET).hp, seen(workshop, "meadow.rat.8").hp) == (35, 12)


def test_a_duel_is_over_with_the_next_tick_when_one_gives_up(workshop: Workshop) -> None:
    fight(workshop)
    workshop.apply(workshop.tell(BOB, Forfeit(seq=2)))
    assert duel(workshop, "ada").duel_zone == "meadow"
    told = notices(stir(workshop), "c-ada")
    assert [(one["winner"], one["why"]) for one in told if one["type"] == "duelended"] == [("Ada", "forfeited")]
    assert duel(workshop, "ada") == Duel(id="ada")
    assert not [one for one in notices(stir(workshop), "c-ada") if one["type"] == "duelended"]


def test_a_duel_goes_on_while_both_are_there_and_ends_when_one_has_left_the_world(workshop: Workshop) -> None:
    fight(workshop)
    stir(workshop)
    assert duel(workshop, "ada").duel_zone == duel(workshop, "bob").duel_zone == "meadow"
    workshop.put(absent(workshop.player("bob")))
    stir(workshop)
    assert (duel(workshop, "ada"), duel(workshop, "bob")) == (Duel(id="ada"), Duel(id="bob"))


def test_a_rivals_last_blow_leaves_a_life_and_ends_the_duel(workshop: Workshop) -> None:
    fight(workshop)
    workshop.put(replace(workshop.player("bob"), hp=2))
    struck = reply(workshop.apply(workshop.tell(ADA, Attack(target="bob", seq=2))))
    assert struck["data"]["hp"] == 1
    assert duel(workshop, "bob") == Duel(id="bob")


def test_two_ticks_under_one_id_give_birth_to_two_deaths(workshop: Workshop) -> None:
    """A beat whose clock is off sends a number again, which is a tick of now: each death costs what it costs."""
    workshop.enter(ADA)
    ids = []
    for _ in range(2):
        poison = written([Effect("venom", 3, workshop.now_ms)])
        workshop.put(replace(workshop.player("ada"), hp=1, dead_until_ms=0, effects=poison))
        (fall,) = [one for one in stir(workshop, id_="tick:7/e0").born if isinstance(one.event, Fall)]
        ids.append(fall.id)
    assert workshop.due("event") == sorted(ids)
    assert len(set(ids)) == 2


def test_death_costs_experience_and_neither_coins_nor_things(workshop: Workshop, migrated_url: str) -> None:
    """What the dead carry, wear and have in the bank stays theirs: nothing of it lies where they died."""
    dead = replace(ADA, xp=150, dead_until_ms=workshop.now_ms + 1, hp=0)
    workshop.enter(dead)
    things = [
        Item(id="apples", kind="apple", count=5, holder="ada"),
        Item(id="sword", kind="short_sword", holder=worn_by("ada")),
        Item(id="axe", kind="axe", holder=in_bank("ada")),
    ]
    workshop.put(*things)
    before = read_books(migrated_url).amounts
    born(workshop, Fall(player="ada", by="viper", zone="meadow", x=12, y=10), "t/e0")
    changed = difference(before, read_books(migrated_url).amounts)
    assert changed == {("experience", ""): -5}
    assert [workshop.store.get(Item, one.id) for one in things] == things
    assert [made.name for made in quantities() if "combat.fall" in (*made.sources, *made.sinks)] == ["experience"]


def test_companions_leave_a_zone_that_ends_with_their_owner(workshop: Workshop) -> None:
    workshop.store.world = WORLD
    workshop.enter(player(zone="cave#1", x=2, y=3))
    workshop.put(opened(closing=1), pet(zone="cave#1", x=2, y=4), Creature("cave#1.rat.2", "rat", "cave#1", 9, 7))
    born(workshop, Dissolve(zone="cave#1", visitors=["ada"]), "ends")
    assert workshop.player("ada").zone == seen(workshop, PET).zone == "meadow"
    assert workshop.store.get(Creature, "cave#1.rat.2") is None


def test_a_companion_whose_owner_is_elsewhere_looks_for_its_owner_when_its_zone_ends(workshop: Workshop) -> None:
    workshop.store.world = WORLD
    workshop.enter(ADA)
    workshop.put(opened(closing=1, came_from={}), pet(zone="cave#1", mood="guard"))
    (heel,) = born(workshop, Dissolve(zone="cave#1", visitors=[]), "ends").born
    assert (heel.event, seen(workshop, PET).zone) == (Heel(creature=PET, owner="ada"), "")
    workshop.apply(heel)
    assert seen(workshop, PET).zone == "meadow"
    workshop.apply(workshop.tell(ADA, Move(dir="e", seq=1)))
    workshop.apply(heel)  # it comes again
    assert (seen(workshop, PET).zone, seen(workshop, PET).mood) == ("meadow", "guard")
