"""The world's own life: its pulse, of which other modules make what they like, and the sweep.

A tick carries a number; a zone keeps the last it lived through, so doubled and late ticks do nothing. The numbers are
those of server time: a tick of a beat whose clock is wrong is a pulse of now. What a pulse does, other modules say:
hooks after ``world.tick`` let zones stir, and hooks after ``world.stir`` are what happens there.

A gateway that is silent died, if others' heartbeats were applied without a pause meanwhile.
When nobody was heard it is the ears, whatever was wrong with them, and all are given time to be heard again.
"""

from msgspec.structs import replace

from gameserver.declare.session_events import GATEWAY_SILENT_MS, UNHEARD_MS
from gameserver.errors import Repeated
from gameserver.game import CLOCK_TOLERANCE_MS, Context, Needs, Notification, Outcome, State, heard_lately, ids, rule
from gameserver.modules.movement.bodies import body_of
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import appears, looks_around, zone_topic
from gameserver.modules.sessions.entities import CALM, EARS, Gateway, Player, Session
from gameserver.modules.sessions.rules import lapsed_sessions, orphaned
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import TICK_MS, Announce, Announced, Show, Stir, Sweep, Tick
from gameserver.rules.needs import distinct, due

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


@rule(needs=lambda event, context: body_of(event.player))
def show(state: State, event: Show, context: Context) -> Outcome:
    """Let a player see where it stands now, and others see it there."""
    player = state.get(Player, event.player)
    if player is None or not player.present:
        return Outcome()
    body = state.of(Body)[player.id]
    mine = Notification(conn=player.conn, gateway=player.gateway, follow=looks_around(body))
    return Outcome(notifications=(mine, *appears(state, body)))


@rule(needs=lambda event, context: (PEOPLED_ZONES,))
def announce(state: State, event: Announce, context: Context) -> Outcome:
    """Heard by all who are in the world: in one notice to the zones in which anybody is."""
    zones = sorted(state.values(PEOPLED_ZONES))
    heard = Notification(notice=Announced(text=event.text), to=tuple(map(zone_topic, zones)))
    return Outcome(notifications=(heard,) if zones else ())


def _due(at_ms: int, now_ms: int) -> bool:
    return 0 < at_ms <= now_ms


def _needs_orphans(event: Sweep, context: Context) -> Needs:
    lapsed = lapsed_sessions(context.now_ms - GATEWAY_SILENT_MS, context.now_ms)
    return (ids(Gateway, EARS, CALM), lapsed, due(context.now_ms))


@rule(needs=_needs_orphans)
def sweep(state: State, event: Sweep, context: Context) -> Outcome:
    """Send again what is due; take out of the world whose gateway died; forget sessions past their time."""
    now_ms = context.now_ms
    held = [s for s in state.of(Session).values() if s.gateway] if _was_calm(state, now_ms) else []
    gone = [thing for session in sorted(held, key=lambda s: s.id) for thing in orphaned(state, session, now_ms)]
    over = tuple(s for s in state.of(Session).values() if _due(s.expires_ms, now_ms))
    players = [(state.get(Player, s.player), s.id) for s in over]
    freed = [replace(player, session="") for player, session in players if player and player.session == session]
    return Outcome(put=(*freed, *gone), drop=over, again=state.due)


def _was_calm(state: State, now_ms: int) -> bool:
    """Whether gateways could be heard for as long as one may be silent."""
    never = Gateway(id="", seen_ms=0, sessions=0)
    ears, calm = (state.of(Gateway).get(id_, never).seen_ms for id_ in (EARS, CALM))
    return heard_lately(ears, now_ms, UNHEARD_MS) and now_ms - calm > GATEWAY_SILENT_MS
