from typing import Any

import pytest

from gameserver.declare.session_events import GATEWAY_SILENT_MS, UNHEARD_MS
from gameserver.modules.movement.events import Vanished
from gameserver.modules.sessions.entities import CALM, EARS, Gateway, Session
from gameserver.modules.sessions.events import Sweep
from gameserver.modules.sessions.rules import SESSION_MS
from gameserver.rules.outcome import Waiting
from gameserver.server_time import CLOCK_TOLERANCE_MS
from gameserver.testing.two_zones import (
    NOW_MS,
    absent,
    circumstances,
    cut_off,
    play,
    player,
    put,
    session_of,
    state,
    told,
)

# Sweeping.


def ears(heard_ms: int = NOW_MS, calm_ms: int = 0) -> list[Gateway]:
    """When a gateway was heard last, and since when that happens without a pause."""
    return [Gateway(id=EARS, seen_ms=heard_ms, sessions=0), Gateway(id=CALM, seen_ms=calm_ms, sessions=0)]


def sweep(*things: Any, **loaded: Any) -> Any:
    return play(Sweep(n=1), state(*ears(), *things, **loaded), circumstances(gateway=""))


def test_players_whose_gateway_died_leave_the_world_and_their_sessions_wait() -> None:
    bob = player("Bob")
    outcome = sweep(player(), bob, session_of(player()), session_of(bob))
    assert all(not put(outcome, id_).present for id_ in ("ada", "bob"))
    waiting = [thing for thing in outcome.put if isinstance(thing, Session)]
    assert {(s.id, s.conn, s.expires_ms) for s in waiting} == {
        ("s-ada", "", NOW_MS + SESSION_MS),
        ("s-bob", "", NOW_MS + SESSION_MS),
    }
    assert [type(notice) for notice in told(outcome)] == [Vanished, Vanished]
    assert outcome.drop == ()


CALM_MS = NOW_MS - GATEWAY_SILENT_MS - 1


@pytest.mark.parametrize(
    ("heard_ms", "calm_ms", "gone"),
    [
        (NOW_MS, CALM_MS, True),
        (NOW_MS, CALM_MS + 1, False),  # nobody was heard a moment ago
        (NOW_MS - UNHEARD_MS, CALM_MS, True),
        (NOW_MS - UNHEARD_MS - 1, CALM_MS, False),  # nobody is heard now
        (NOW_MS + CLOCK_TOLERANCE_MS + 1, CALM_MS, False),  # nor was anybody in the future
    ],
)
def test_nobody_is_taken_out_of_the_world_because_nobody_was_heard(heard_ms: int, calm_ms: int, gone: bool) -> None:
    outcome = sweep(player(), session_of(player()), *ears(heard_ms, calm_ms))
    assert bool(outcome.put) is gone


def test_nobody_is_taken_out_of_the_world_before_any_gateway_was_heard() -> None:
    outcome = play(Sweep(n=1), state(player(), session_of(player())), circumstances(gateway=""))
    assert outcome.put == ()


def test_sessions_past_their_time_are_forgotten() -> None:
    over = session_of(player(), gateway="", conn="", expires_ms=NOW_MS)
    waits = session_of(player("Bob"), gateway="", conn="", expires_ms=NOW_MS + 1)
    outcome = sweep(over, waits)
    assert (outcome.drop, outcome.put) == ((over,), ())


def test_a_player_is_rid_of_a_session_past_its_time_and_of_no_other() -> None:
    over = [session_of(body, gateway="", conn="", expires_ms=NOW_MS) for body in (player(), player("Bob"))]
    outcome = sweep(cut_off(player()), player("Bob", session="s-later"), *over)
    assert outcome.put == absent(player()).parts[:1]


def test_what_is_due_is_sent_again() -> None:
    due = (Waiting("m1", "mail", "ada", b""), Waiting("t1", "talk", "", b""), Waiting("r1", "event", "", b""))
    assert sweep(due=due).again == due


def test_a_sweep_with_nothing_to_do_does_nothing() -> None:
    outcome = sweep()
    assert (outcome.put, outcome.drop, outcome.notifications, outcome.again) == ((), (), (), ())
