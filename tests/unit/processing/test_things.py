"""Things through the real applier, on each database: what one player takes no other has."""

from typing import Any

from gameserver.declare.entity import sharing
from gameserver.messages.envelope import Envelope
from gameserver.modules.barter.events import Accept, Lapse, Offer
from gameserver.modules.barter.rules import OFFER_MS
from gameserver.modules.combat.events import Attack
from gameserver.modules.items.entities import Item
from gameserver.modules.items.events import Drop, Split, Take
from gameserver.modules.items.tests.worlds import on_ground, thing
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions.entities import Player
from gameserver.rules.book import rules
from gameserver.rules.outcome import components_of
from gameserver.testing.two_zones import circumstances, creature
from tests.unit.processing.workshop import ADA, BOB, Workshop, dispatched, packet, replies


def things(workshop: Workshop) -> dict[str, Item]:
    found: dict[str, Any] = {id_: workshop.store.get(Item, id_) for id_ in ("sword", "apples", "s-ada:1", "s-ada:2")}
    return {id_: item for id_, item in found.items() if item is not None}


def test_of_two_who_take_one_thing_in_one_batch_one_has_it_and_the_other_is_told(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.put(on_ground("sword"))
    applied = workshop.apply(*(workshop.tell(body, Take(thing="sword", seq=n)) for n, body in ((1, BOB), (2, ADA))))
    answers = replies(applied)
    assert (answers[1]["type"], answers[2]["code"]) == ("ok", "taken")
    assert things(workshop)["sword"].holder == "bob"
    assert [notice["type"] for notice in dispatched(applied)] == ["lifted"]


def test_what_comes_twice_is_done_once(workshop: Workshop) -> None:
    workshop.enter(ADA)
    workshop.put(thing("apples", "apple", count=9))
    split = workshop.tell(ADA, Split(thing="apples", count=4, seq=1))
    for batch in ([split, split], [split]):
        workshop.apply(*batch)
    assert {id_: item.count for id_, item in things(workshop).items()} == {"apples": 5, "s-ada:1": 4}
    workshop.apply(workshop.tell(ADA, Drop(thing="apples", seq=2)))
    assert things(workshop)["apples"].zone == "meadow"


def test_what_a_creature_leaves_is_there_once_after_its_death(workshop: Workshop) -> None:
    workshop.enter(ADA)
    workshop.put(creature(hp=1))
    left: list[dict[str, Any]] = []
    for seq in range(1, 9):
        workshop.now_ms += 60_000
        workshop.put(creature(hp=1))
        slain = workshop.apply(workshop.tell(ADA, Attack(target="meadow.rat.1", seq=seq))).born[-1]
        told = dispatched(workshop.apply(slain, slain))
        left += [notice["thing"] for notice in told if notice["type"] == "laid"]
    assert left
    assert all(workshop.store.get(Item, thing["id"]) is not None for thing in left)


def test_of_an_exchange_both_ends_are_written_or_none(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.put(thing("sword"), thing("apples", "apple", "bob", count=9))
    for seq, coins in ((1, 0), (2, 30)):  # the second offer voids what was accepted of the first
        workshop.apply(workshop.tell(BOB, Offer(to="Ada", things=["apples"], coins=0, seq=seq)))
        workshop.apply(workshop.tell(ADA, Offer(to="Bob", things=["sword"], coins=coins, seq=seq)))
    workshop.apply(workshop.tell(BOB, Accept(to="Ada", version=2, seq=3)))
    accept = workshop.tell(ADA, Accept(to="Bob", version=2, seq=3))
    assert replies(workshop.apply(accept, accept))[3]["data"] == {"done": True, "coins": 70}
    workshop.apply(accept)
    assert {id_: item.holder for id_, item in things(workshop).items()} == {"sword": "bob", "apples": "ada"}
    assert (workshop.coins("ada"), workshop.coins("bob")) == (70, 130)


def test_an_offer_lapses_by_the_beat(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.apply(workshop.tell(ADA, Offer(to="Bob", things=[], coins=5, seq=1)))
    assert _lapse(workshop) == []
    workshop.now_ms += OFFER_MS
    (born,) = _lapse(workshop)
    told = workshop.apply(born).outbound.unicasts
    assert [packet(direct)["why"] for direct in told] == ["lapsed", "lapsed"]
    assert _lapse(workshop) == []


def _lapse(workshop: Workshop) -> list[Envelope]:
    n = workshop.now_ms
    return list(workshop.apply(Envelope(id=f"lapse:{n}", event=Lapse(n=n), at_ms=n)).born)


def test_a_batch_of_moves_asks_for_no_thing_and_no_trade() -> None:
    """Its statements are those of before: what it needs are parts of a player that stand in its row."""
    move: Any = rules()["move"]
    context = circumstances(ADA)
    needed = {kind for need in (move.needs(Move(dir="n"), context) if move.needs else ()) for kind in [need.kind]}
    assert needed | set(components_of(move)) <= set(sharing(Player))
