"""A rule writes what it has locked, and what is new. Everything else is refused, on both databases."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.errors import Corrupt, Retryable
from gameserver.modules.chat.entities import ChatLine, Membership
from gameserver.modules.combat.entities import Creature, Health
from gameserver.modules.movement.bodies import AROUND_LOCKED_MAX, around
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Move
from gameserver.modules.movement.view import sight
from gameserver.modules.sessions.entities import Gateway, Player
from gameserver.modules.trade.entities import Purse
from gameserver.modules.world.entities import ZoneClock
from gameserver.rules.needs import Needs, near, where
from gameserver.rules.outcome import Context, Outcome, State, rule
from gameserver.store import nearby
from gameserver.testing.two_zones import creature, player, put_in, session_of
from tests.selections import selected
from tests.unit.processing.workshop import ADA, BOB, EVE, Workshop, replies, walk


def taxes(need: str) -> Any:
    """A rule that takes a coin of everybody around: ``need`` says how it asks for them."""

    most = AROUND_LOCKED_MAX if need == "around_locked" else 0

    def needs(event: Move, context: Context) -> Needs:
        return (near(Body, context.player, (Body, Player, Health, Purse, Creature), sight, lock_most=most),)

    @rule(needs=needs, components=(Body, Health, Purse))
    def tax(state: State, event: Move, context: Context) -> Outcome:
        bodies = [body for body in state.of(Body).values() if body.id != context.player and body.zone == "meadow"]
        taxed = [state.of(Purse)[body.id] for body in bodies]
        collector = state.of(Purse)[context.player]
        richer = replace(collector, coins=collector.coins + len(taxed))
        return Outcome(put=(richer, *(replace(purse, coins=purse.coins - 1) for purse in taxed)))

    return tax


def coins(workshop: Workshop) -> dict[str, int]:
    return {id_: workshop.coins(id_) for id_ in ("ada", "bob", "eve")}


def test_who_was_found_around_is_not_written_and_only_the_guilty_event_fails(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB, EVE)
    healthy, tax = workshop.rules["move"], taxes("around")

    @rule(needs=tax.needs, components=tax.components)
    def sometimes(state: State, event: Move, context: Context) -> Outcome:
        return tax(state, event, context) if context.player == "ada" else healthy(state, event, context)

    workshop.rules["move"] = sometimes
    guilty, innocent = walk(workshop, ADA, 1), walk(workshop, EVE, 1)
    applied = workshop.apply(*guilty, *innocent)
    (held,) = applied.held
    assert held.envelopes == tuple(guilty)
    assert isinstance(held.cause, Corrupt)
    assert str(held.cause).startswith("not_locked: Purse 'bob' is to be written and was not locked. Needs must name it")
    assert replies(applied)[1]["type"] == "ok"
    assert coins(workshop) == {"ada": 100, "bob": 100, "eve": 100}


def test_who_was_found_around_and_locked_is_written(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB, EVE)
    workshop.put(creature())
    workshop.rules["move"] = taxes("around_locked")
    assert workshop.apply(*walk(workshop, ADA, 1)).held == ()
    assert coins(workshop) == {"ada": 101, "bob": 99, "eve": 100}
    found = workshop.load(around_locked=("ada",))
    assert set(found.of(Body)) == {"ada", "bob"}
    assert set(found.of(Creature)) == {"meadow.rat.1"}


def test_of_a_crowd_around_the_nearest_are_locked(workshop: Workshop) -> None:
    crowd = [player(f"P{n:03}", x=8 + n % 24, y=n % 20, conn="") for n in range(AROUND_LOCKED_MAX + 20)]
    with workshop.store.transaction() as transaction:
        put_in(transaction, [ADA, *crowd], [])
    found = set(workshop.load(around_locked=("ada",)).of(Body))
    assert len(found) <= AROUND_LOCKED_MAX + 1
    far = max(crowd, key=lambda body: max(abs(body.x - ADA.x), abs(body.y - ADA.y)))
    assert far.id not in found


def test_taxes_make_and_destroy_no_coins_whoever_moves_meanwhile(workshop: Workshop, migrated_url: str) -> None:
    """Bob and Ada tax each other, on connections of their own: no lock waits in a circle, no coin is lost."""
    workshop.enter(ADA, BOB, EVE)
    other = Workshop(migrated_url)
    for shop in (workshop, other):
        shop.rules["move"] = taxes("around_locked")
    threads = [
        threading.Thread(target=lambda s=s, b=b: [s.apply(*walk(s, b, n)) for n in range(1, 11)])
        for s, b in ((workshop, ADA), (other, BOB))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert coins(workshop) == {"ada": 100, "bob": 100, "eve": 100}
    other.store.close()


WRITES: dict[str, tuple[Needs, Outcome, bool]] = {
    "somebody never asked for": (selected(), Outcome(put=replace(BOB, hp=1).parts), False),
    "somebody dropped, never asked for": (selected(), Outcome(drop=BOB.parts[:1]), False),
    "somebody locked": (selected(players=("bob",)), Outcome(put=replace(BOB, hp=1).parts), True),
    "somebody new": (selected(players=("new",)), Outcome(put=replace(BOB, id="new").parts), True),
    "a session never asked for": (selected(), Outcome(drop=(session_of(BOB),)), False),
    "a session of a player asked for": (selected(sessions_of=("bob",)), Outcome(drop=(session_of(BOB),)), True),
    "a clock never asked for": (selected(), Outcome(put=(ZoneClock(id="town", tick=1),)), False),
    "a clock of a zone asked for": (selected(zones=("town",)), Outcome(put=(ZoneClock(id="town", tick=1),)), True),
    "a creature read only": (selected(around=("ada",)), Outcome(put=(creature(hp=1),)), False),
    "a creature read only, and taken for new": (
        (around("ada"), where(Creature, zone="elsewhere")),
        Outcome(put=(creature(zone="elsewhere"),)),
        False,
    ),
    "a creature locked": (selected(zones=("meadow",)), Outcome(put=(creature(hp=1),)), True),
    "another's membership": (
        selected(memberships_of=("ada",)),
        Outcome(put=(Membership(id="x/bob", channel="x", player="bob"),)),
        False,
    ),
    "a sign of life": (selected(), Outcome(put=(Gateway(id="g7", seen_ms=1, sessions=1),)), True),
    "a line": (selected(), Outcome(put=(ChatLine(id="e", channel="x", by="Ada", text="t", at_ms=1),)), True),
}


@pytest.mark.parametrize("what", WRITES)
def test_what_may_be_written(workshop: Workshop, what: str) -> None:
    wanted, outcome, may = WRITES[what]
    workshop.enter(ADA, BOB)
    workshop.put(creature())
    workshop.rules["move"] = rule(needs=lambda event, context: wanted, components=(Body,))(lambda *_: outcome)
    before = workshop.rows()
    held = workshop.apply(*walk(workshop, ADA, 1)).held
    assert [str(one.cause).partition(":")[0] for one in held] == ([] if may else ["not_locked"])
    if not may:
        assert workshop.rows() == before


def test_a_viewer_that_was_moved_between_look_and_lock_is_tried_again(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.enter(ADA, BOB)
    real: Callable[..., None] = nearby.LookAhead.look

    def moved(self: Any, kind: Any) -> None:
        real(self, kind)
        self._looked = {key: (near, ("town", *box[1:])) for key, (near, box) in self._looked.items()}

    monkeypatch.setattr(nearby.LookAhead, "look", moved)
    with pytest.raises(Retryable, match="conflict: ada was moved"):
        workshop.load(around_locked=("ada",))
