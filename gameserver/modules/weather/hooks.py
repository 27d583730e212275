"""What weather adds to the rules of others: the world's pulse changes the sky, and who comes is told how it is.

A pulse that begins a turn tells each zone whose sky is another then: one notice for all zones of a climate, whoever is
there. All other pulses end at a comparison of two numbers.
"""

from collections.abc import Iterator
from typing import Any

from gameserver.game import Context, Event, Needs, Notification, Outcome, State, Zone, after, ids
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import zone_topic
from gameserver.modules.sessions.events import Entered
from gameserver.modules.sessions.players import comes_and_goes
from gameserver.modules.weather.climates import CLIMATES
from gameserver.modules.weather.events import Skies
from gameserver.modules.weather.maps import climate_of, zones_by_climate
from gameserver.modules.weather.sky import Sky, sky_over, turn_of
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import TICK_MS


def _turns(before: State, n: int) -> tuple[int, int]:
    """The turn of the last pulse, and that of this. After a pause all that was missed is told at once."""
    clock = before.get(ZoneClock, PULSE)
    return turn_of(min(clock.tick, n) if clock is not None else n), turn_of(n)


def _pulse(outcome: Outcome) -> int:
    return next(thing.tick for thing in outcome.put if isinstance(thing, ZoneClock) and thing.id == PULSE)


def _a_turn_begins(state: State, event: Event, context: Context, outcome: Outcome) -> bool:
    past, now = _turns(state, _pulse(outcome))
    return past != now


@after("world.tick", only=_a_turn_begins, optional=True)
def the_sky_changes(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome:
    """Tell those under each sky that is another than at the last pulse."""
    past, now = _turns(state.before, _pulse(outcome))
    zones = zones_by_climate(state.world)
    return Outcome(notifications=tuple(_changes(zones, past, now)))


def _changes(zones: dict[str, list[str]], past: int, now: int) -> Iterator[Notification]:
    for climate in (climate for climate in CLIMATES.values() if zones[climate.name]):
        before, after_ = sky_over(climate, past), sky_over(climate, now)
        if before != after_:
            to = tuple(zone_topic(zone) for zone in zones[climate.name])
            yield Notification(notice=_skies(after_, after_.text(before)), to=to)


def _skies(sky: Sky, text: str) -> Skies:
    return Skies(part=sky.part, weather=sky.weather.name, text=text)


def _needs_body(event: Event, context: Context) -> Needs:
    player = comes_and_goes(event, context)
    return (ids(Body, player),) if player else ()


@after("sessions.register", needs=_needs_body)
@after("sessions.login", needs=_needs_body)
@after("sessions.resume", needs=_needs_body)
def who_enters_sees_the_sky(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome | None:
    """Tell who enters the world how the sky is there."""
    entered: Any = outcome.result
    body = state.get(Body, entered.player) if isinstance(entered, Entered) else None
    return _told(state.zone(body.zone), context) if body else None


@after("movement.chart")
def who_comes_sees_the_sky(state: State, event: Event, context: Context, outcome: Outcome) -> Outcome | None:
    """Tell who asks for the map of a zone, as clients do when they come there."""
    drawn: Any = outcome.result
    return _told(state.zone(drawn.zone), context)


def _told(zone: Zone, context: Context) -> Outcome | None:
    climate = climate_of(zone)
    if climate is None:
        return None
    sky = sky_over(climate, turn_of(context.now_ms // TICK_MS))
    skies = Notification(notice=_skies(sky, sky.text()), conn=context.conn, gateway=context.gateway)
    return Outcome(notifications=(skies,))
