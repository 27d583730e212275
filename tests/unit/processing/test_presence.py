"""Who is in the world, whose clocks are wrong, and whom nobody hears: real rules on both databases.

The applier's clock is server time; what gateways and beat say of the time is up to the test.
"""

from typing import Any

import pytest

from gameserver.declare.session_events import GATEWAY_SILENT_MS, HEARTBEAT_MS, UNHEARD_MS, Lost, Rejoin
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import Listed, SessionUpdate
from gameserver.modules.combat.events import Attack
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions import rules as sessions_rules
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.events import Login, Resume, Sweep
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import Stir, Tick
from gameserver.modules.world.rules import TICK_MS
from gameserver.server_time import CLOCK_TOLERANCE_MS
from gameserver.testing.two_zones import player
from tests.unit.processing.workshop import (
    ADA,
    EVE,
    NOW_MS,
    PASSWORD,
    Workshop,
    beats,
    entrance,
    replies,
    reply,
    sweep,
)

BY_MS = 600_000  # so far a clock is wrong
WRONG = pytest.mark.parametrize("wrong_ms", [BY_MS, -BY_MS], ids=["ahead", "behind"])
SWEEP_MS = 1_000


def live(workshop: Workshop, ms: int, *gateways: str) -> None:
    """Time passes; these gateways are heard all the while, and the world is swept."""
    until_ms = workshop.now_ms + ms
    while workshop.now_ms < until_ms:
        workshop.now_ms += SWEEP_MS
        if (workshop.now_ms - NOW_MS) % HEARTBEAT_MS == 0 and gateways:
            beats(workshop, *gateways)
        sweep(workshop)


def present(workshop: Workshop) -> set[str]:
    found = workshop.players("ada", "eve").values()
    return {body.id for body in found if body.present}


# Whom nobody hears.


def test_no_gateway_dies_while_nobody_hears_any(workshop: Workshop) -> None:
    """Nobody serves heartbeats, whatever the reason, and everything else goes on."""
    workshop.enter(ADA, EVE)
    live(workshop, 3 * GATEWAY_SILENT_MS, "g1", "g2")
    live(workshop, 3 * GATEWAY_SILENT_MS)
    assert present(workshop) == {"ada", "eve"}
    beats(workshop, "g1")
    live(workshop, HEARTBEAT_MS, "g1")
    assert present(workshop) == {"ada", "eve"}, "the other has not had its turn yet"
    live(workshop, 3 * GATEWAY_SILENT_MS, "g1", "g2")
    assert present(workshop) == {"ada", "eve"}


def test_a_gateway_that_died_is_noticed_while_others_are_heard(workshop: Workshop) -> None:
    workshop.enter(ADA, EVE)
    live(workshop, 2 * GATEWAY_SILENT_MS, "g1", "g2")
    live(workshop, GATEWAY_SILENT_MS, "g1")
    assert present(workshop) == {"ada", "eve"}
    live(workshop, 2 * SWEEP_MS, "g1")
    assert present(workshop) == {"ada"}


def test_a_gateway_that_died_while_nobody_was_heard_is_noticed_afterwards(workshop: Workshop) -> None:
    workshop.enter(ADA, EVE)
    live(workshop, 2 * GATEWAY_SILENT_MS, "g1", "g2")
    live(workshop, 2 * GATEWAY_SILENT_MS)
    live(workshop, HEARTBEAT_MS + GATEWAY_SILENT_MS, "g1")
    assert present(workshop) == {"ada", "eve"}
    live(workshop, 2 * SWEEP_MS, "g1")
    assert present(workshop) == {"ada"}


def test_the_only_gateway_that_died_is_noticed_when_its_successor_is_heard(workshop: Workshop) -> None:
    workshop.enter(EVE)
    live(workshop, 2 * GATEWAY_SILENT_MS, "g2")
    live(workshop, 4 * GATEWAY_SILENT_MS)
    assert present(workshop) == {"eve"}
    live(workshop, HEARTBEAT_MS + GATEWAY_SILENT_MS + 2 * SWEEP_MS, "g3")
    assert present(workshop) == set()


def test_a_pause_of_all_that_is_shorter_than_the_silence_allowed_starts_it_anew(workshop: Workshop) -> None:
    """g2 was cut off just before all were: what it missed then says nothing of it."""
    workshop.enter(ADA, EVE)
    live(workshop, 2 * GATEWAY_SILENT_MS, "g1", "g2")
    live(workshop, 2 * HEARTBEAT_MS, "g1")
    live(workshop, UNHEARD_MS + HEARTBEAT_MS)
    live(workshop, 2 * HEARTBEAT_MS, "g1")
    assert present(workshop) == {"ada", "eve"}


def test_a_heartbeat_counts_when_it_is_applied_and_not_when_it_was_said(workshop: Workshop) -> None:
    """A backlog, or a gateway whose clock is wrong."""
    workshop.enter(ADA, EVE)
    for _ in range(3 * GATEWAY_SILENT_MS // HEARTBEAT_MS):
        workshop.now_ms += HEARTBEAT_MS
        beats(workshop, "g1", at_ms=workshop.now_ms - BY_MS)
        beats(workshop, "g2", at_ms=workshop.now_ms + BY_MS)
        sweep(workshop)
    assert present(workshop) == {"ada", "eve"}
    live(workshop, GATEWAY_SILENT_MS + 2 * SWEEP_MS, "g1")
    assert present(workshop) == {"ada"}


@WRONG
def test_a_server_whose_clock_is_set_takes_nobody_out_of_the_world(workshop: Workshop, wrong_ms: int) -> None:
    workshop.enter(ADA, EVE)
    live(workshop, 2 * GATEWAY_SILENT_MS, "g1", "g2")
    workshop.now_ms += wrong_ms
    live(workshop, 2 * GATEWAY_SILENT_MS, "g1", "g2")
    assert present(workshop) == {"ada", "eve"}
    live(workshop, 2 * GATEWAY_SILENT_MS, "g1")
    assert present(workshop) == {"ada"}, "and who is gone is still noticed"


def begins_late(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, *gateways: str) -> None:
    """The next transaction waits until it begins; meanwhile these gateways are heard."""
    begin = workshop.store.transaction

    def late(*given: Any) -> Any:
        monkeypatch.undo()
        workshop.now_ms += HEARTBEAT_MS
        beats(workshop, *gateways)
        return begin(*given)

    monkeypatch.setattr(workshop.store, "transaction", late)


def test_who_is_heard_while_a_sweep_waits_to_begin_stays_in_the_world(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is silent is looked for and judged at one time: those heard after an earlier one were heard in its future."""
    workshop.enter(ADA, EVE)
    live(workshop, 2 * GATEWAY_SILENT_MS, "g1", "g2")
    begins_late(workshop, monkeypatch, "g1", "g2")
    sweep(workshop)
    assert present(workshop) == {"ada", "eve"}


def test_who_died_is_found_by_a_sweep_that_waited_to_begin(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.enter(ADA, EVE)
    live(workshop, 2 * GATEWAY_SILENT_MS, "g1", "g2")
    live(workshop, GATEWAY_SILENT_MS, "g1")
    begins_late(workshop, monkeypatch, "g1")
    sweep(workshop)
    assert present(workshop) == {"ada"}


# Whose clock is wrong.


def acts(workshop: Workshop, body: Player, *events: Any, wrong_ms: int = 0) -> list[str]:
    """What becomes of events that a gateway with this clock accepted just now."""
    at_ms = workshop.now_ms + wrong_ms
    applied = [workshop.apply(workshop.tell(body, event, at_ms=at_ms)) for event in events]
    return [said.get("code", "ok") for one in applied for said in replies(one).values()]


def test_who_walked_and_fought_through_a_gateway_that_is_ahead_does_so_elsewhere(workshop: Workshop) -> None:
    workshop.enter(ADA, EVE)
    walked = [Move(dir="e" if seq % 2 else "w", seq=seq) for seq in range(1, 4)]
    assert acts(workshop, ADA, *walked, wrong_ms=BY_MS) == ["ok"] * 3
    acts(workshop, ADA, Attack(target="meadow.rat.1", seq=4), wrong_ms=BY_MS)
    workshop.now_ms += CLOCK_TOLERANCE_MS
    assert acts(workshop, ADA, Move(dir="w", seq=5), Move(dir="e", seq=6)) == ["ok", "ok"]
    body = workshop.player("ada")
    assert max(body.steps_due_ms, body.attack_due_ms, body.hit_ms) < workshop.now_ms + CLOCK_TOLERANCE_MS


def test_a_login_through_a_gateway_that_was_ahead_keeps_nobody_out(workshop: Workshop) -> None:
    workshop.enter(ADA)
    first = entrance(workshop, Login(name="Ada", password=PASSWORD, seq=1), "Ada", at_ms=workshop.now_ms + BY_MS)
    assert reply(workshop.apply(first))["type"] == "ok"
    workshop.now_ms += 1
    second = entrance(workshop, Login(name="Ada", password=PASSWORD, seq=1), "Ada", conn="n2", gateway="g2")
    assert reply(workshop.apply(second))["type"] == "ok"


def test_a_session_that_was_lost_through_a_gateway_that_is_behind_waits_for_its_time(workshop: Workshop) -> None:
    workshop.enter(ADA)
    said = workshop.tell(ADA, Lost(), at_ms=workshop.now_ms - 10 * BY_MS)
    workshop.apply(said)
    sweep(workshop)
    assert workshop.rows()["sessions"] == 1
    token = entrance(workshop, Resume(token="t-ada", seq=1), "Ada")
    assert reply(workshop.apply(token))["type"] == "ok"


# Beat.


def ticked(workshop: Workshop, wrong_ms: int = 0) -> dict[str, int]:
    """A tick of a beat with this clock, and what was born of it."""
    at_ms = workshop.now_ms + wrong_ms
    n = at_ms // TICK_MS
    applied = workshop.apply(Envelope(id=f"tick:{n}", event=Tick(n=n), at_ms=at_ms))
    stirs = [workshop.apply(one) for one in applied.born]
    outcomes = dict(applied.outcomes)
    outcomes["stirred"] = sum(one.outcomes.get("ok", 0) for one in stirs)
    return outcomes


@WRONG
def test_a_beat_whose_clock_is_wrong_drives_the_world_alone(workshop: Workshop, wrong_ms: int) -> None:
    workshop.enter(ADA)
    for _ in range(10):
        workshop.now_ms += TICK_MS
        assert ticked(workshop, wrong_ms).items() >= {"ok": 1}.items()
        assert workshop.load(clocks=(PULSE, "meadow")).of(ZoneClock)["meadow"].tick == workshop.now_ms // TICK_MS


@WRONG
def test_of_two_beats_one_of_which_is_wrong_and_is_killed_nothing_is_felt(workshop: Workshop, wrong_ms: int) -> None:
    workshop.enter(ADA)
    for _ in range(10):
        workshop.now_ms += TICK_MS
        outcomes = ticked(workshop, wrong_ms), ticked(workshop)
        assert sorted(next(iter(each)) for each in outcomes) == ["ok", "repeated"]
    for _ in range(10):
        workshop.now_ms += TICK_MS
        assert ticked(workshop)["ok"] == 1
        assert workshop.load(zones=("meadow",)).of(ZoneClock)["meadow"].tick == workshop.now_ms // TICK_MS


def test_zones_do_not_sleep_until_the_time_that_another_clock_has_written(workshop: Workshop) -> None:
    workshop.enter(ADA)
    ahead = (workshop.now_ms + BY_MS) // TICK_MS
    workshop.put(ZoneClock(id=PULSE, tick=ahead), ZoneClock(id="meadow", tick=ahead))
    n = workshop.now_ms // TICK_MS
    assert ticked(workshop)["ok"] == 1
    assert {clock.tick for clock in workshop.load(clocks=(PULSE, "meadow")).of(ZoneClock).values()} == {n}


def test_what_is_born_of_a_tick_is_as_old_as_the_server_says(workshop: Workshop) -> None:
    workshop.enter(ADA)
    n = (workshop.now_ms - BY_MS) // TICK_MS
    applied = workshop.apply(Envelope(id="t", event=Tick(n=n), at_ms=workshop.now_ms - BY_MS))
    assert {(type(one.event), one.at_ms) for one in applied.born} == {(Stir, workshop.now_ms)}


@WRONG
def test_a_sweep_of_a_wrong_beat_takes_nobody_out_of_the_world(workshop: Workshop, wrong_ms: int) -> None:
    workshop.enter(ADA, EVE)
    live(workshop, 2 * GATEWAY_SILENT_MS, "g1", "g2")
    workshop.apply(Envelope(id="sweep", event=Sweep(n=1), at_ms=workshop.now_ms + wrong_ms))
    assert present(workshop) == {"ada", "eve"}


# Whose connection is gone.


def test_a_gateway_hears_how_many_sessions_it_holds_and_who_they_are_in_portions(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = [player(f"Ada{n}") for n in range(5)]
    workshop.enter(*bodies, EVE)

    def told(after: str = "") -> SessionUpdate:
        (direct,) = [d for d in beats(workshop, "g1", after=after).outbound.unicasts if d.follow is not None]
        assert (direct.conn, direct.re, direct.packet) == ("g1", 0, b"")
        return direct.follow

    assert (told().held, told().roll) == (5, None)
    roll = told("c").roll
    assert roll == tuple(Listed(b.conn, b.session, b.id) for b in bodies)
    assert told(bodies[2].conn).roll == roll[3:]
    assert told(bodies[4].conn).roll == ()
    monkeypatch.setattr(sessions_rules, "ROLL_ROWS_MAX", 2)
    assert told("c").roll == roll[:2]


def test_who_was_taken_out_of_the_world_is_not_counted_and_returns_when_its_gateway_says_so(workshop: Workshop) -> None:
    workshop.enter(ADA)
    live(workshop, 2 * GATEWAY_SILENT_MS, "g2")
    told = beats(workshop, "g1", after="c").outbound.unicasts[0].follow
    assert told is not None
    assert (told.held, told.roll, present(workshop)) == (0, (), set())
    workshop.apply(workshop.tell(ADA, Rejoin()))
    told = beats(workshop, "g1", at_ms=workshop.now_ms + 1).outbound.unicasts[0].follow
    assert told is not None
    assert (told.held, present(workshop)) == (1, {"ada"})


def test_a_ghost_that_is_reported_as_lost_leaves_the_world_and_its_session_waits(workshop: Workshop) -> None:
    workshop.enter(ADA)
    workshop.apply(workshop.tell(ADA, Lost(), id="g1:lost1"))
    assert present(workshop) == set()
    assert beats(workshop, "g1").outbound.unicasts[0].follow.held == 0
    assert workshop.rows()["sessions"] == 1
