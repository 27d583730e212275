"""The world's own life: its pulse, of which other modules make what they like.

A tick carries a number; a zone keeps the last it lived through, so doubled and late ticks do nothing. The numbers are
those of server time: a tick of a beat whose clock is wrong is a pulse of now. What a pulse does, other modules say:
hooks after ``world.tick`` let zones stir, and hooks after ``world.stir`` are what happens there.
"""

from gameserver.errors import Repeated
from gameserver.game import CLOCK_TOLERANCE_MS, Context, Notification, Outcome, State, distinct, ids, rule
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import zone_topic
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import TICK_MS, Announce, Announced, Stir, Tick

PEOPLED_ZONES = distinct(Body, "zone", when="present")
TOLERANCE_TICKS = CLOCK_TOLERANCE_MS // TICK_MS
MISSED_TICKS = 4  # of so many that were left out what they would have brought comes with the next


@rule(needs=lambda event, context: (ids(ZoneClock, PULSE),))
def tick(state: State, event: Tick, context: Context) -> Outcome:
    """One pulse."""
    return _live(state, PULSE, _number(event.n, context.now_ms))


def _number(n: int, now_ms: int) -> int:
    """A tick's number: the one it says, or that of now if its beat's clock is wrong (or it waited for too long)."""
    now = now_ms // TICK_MS
    return n if abs(n - now) <= TOLERANCE_TICKS else now


@rule(needs=lambda event, context: (ids(ZoneClock, event.zone),))
def stir(state: State, event: Stir, context: Context) -> Outcome:
    """One zone's tick."""
    return _live(state, event.zone, event.n) if state.world.zone(event.zone) else Outcome()


def _live(state: State, id_: str, n: int) -> Outcome:
    """Note a tick. Raises ``Repeated`` if it was this or a later that was noted last.

    A number that lies farther ahead than two beats can be apart was written under another clock, and says nothing.
    """
    clock = state.get(ZoneClock, id_)
    if clock is not None and n <= clock.tick <= n + 2 * TOLERANCE_TICKS:
        raise Repeated("This tick was lived through already.")
    return Outcome(put=(ZoneClock(id=id_, tick=n),))


def lived_through(state: State, id_: str) -> tuple[int, int]:
    """For hooks: the tick that a zone (or ``PULSE``) lives through now, and the last one before it."""
    n, clock = state.of(ZoneClock)[id_].tick, state.before.get(ZoneClock, id_)
    return n, n - 1 if clock is None or clock.tick > n else max(clock.tick, n - MISSED_TICKS)


def comes_round(n: int, past: int, every: int, phase: int = 0) -> bool:
    """Whether one of the ticks after ``past`` up to ``n`` is the one of ``every`` that counts."""
    return (n - phase) // every > (past - phase) // every


@rule(needs=lambda event, context: (PEOPLED_ZONES,))
def announce(state: State, event: Announce, context: Context) -> Outcome:
    """Heard by all who are in the world: in one notice to the zones in which anybody is."""
    zones = sorted(state.values(PEOPLED_ZONES))
    heard = Notification(notice=Announced(text=event.text), to=tuple(map(zone_topic, zones)))
    return Outcome(notifications=(heard,) if zones else ())
