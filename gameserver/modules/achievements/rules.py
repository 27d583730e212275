"""Achievements: a deed is counted in the transaction in which it is done, so that it counts once."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.game import (
    Context,
    Entity,
    Needs,
    Notification,
    Outcome,
    State,
    World,
    has_room_for_mail,
    ids,
    mail_count,
    rule,
)
from gameserver.modules.achievements.achievement_kinds import ACHIEVEMENTS, Achievement
from gameserver.modules.achievements.entities import Deeds
from gameserver.modules.achievements.events import Achieved, Achievements, Ahead, Earned, Gave, Honours, Saw
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import actor

# Made once: to find out how a type is read takes several times as long as to read it.
_read_numbers = msgspec.json.Decoder(dict[str, int]).decode
_read_names = msgspec.json.Decoder(list[str]).decode

PARTS: tuple[type[Entity], ...] = (Deeds,)


def counts_of(deeds: Deeds) -> dict[str, int]:
    """How often each deed was done that is counted."""
    return _read_numbers(deeds.counts)


def zones_of(deeds: Deeds) -> list[str]:
    """The zones that were seen, in their order."""
    return _read_names(deeds.zones)


def earned_of(deeds: Deeds) -> dict[str, int]:
    """When each achievement was earned."""
    return _read_numbers(deeds.earned)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def points_of(earned: Iterable[str]) -> int:
    """The points of achievements; those that are in no data file any more have none."""
    return sum(ACHIEVEMENTS[name].points for name in earned if name in ACHIEVEMENTS)


# Counting. A deed that nothing is counted for writes nothing.


def deeds_needs(player: str) -> Needs:
    """Select what counting a deed of a player needs beside the player itself."""
    return ids(Deeds, player), mail_count(player)


def counted(state: State, player: str, now_ms: int, deed: str, n: int = 1, kind: str = "") -> Outcome | None:
    """A player has done something so many times, to a kind of thing or being. What it earns by that is told."""
    deeds = state.get(Deeds, player)
    if deeds is None:
        return None
    earned = earned_of(deeds)
    lacking = [one for one in _lacking(deed, earned) if one.of in ("", kind)]
    if not lacking:
        return None
    counts = counts_of(deeds)
    counts |= {key: counts.get(key, 0) + n for key in {one.key for one in lacking}}
    new = [one for one in lacking if counts[one.key] >= one.number]
    return _written(state, replace(deeds, counts=_text(counts)), earned, new, now_ms)


def reached(state: State, player: str, now_ms: int, deed: str, total: int) -> Outcome | None:
    """A player has done something so many times in all, which is counted elsewhere. What it earns by that is told."""
    deeds = state.get(Deeds, player)
    if deeds is None:
        return None
    earned = earned_of(deeds)
    new = [one for one in _lacking(deed, earned) if one.number <= total]
    return _written(state, deeds, earned, new, now_ms) if new else None


def _lacking(deed: str, earned: dict[str, int]) -> list[Achievement]:
    """What may yet be earned by a deed."""
    return [one for one in ACHIEVEMENTS.values() if one.counts == deed and one.name not in earned]


def seen(state: State, player: str, now_ms: int, zone: str) -> Outcome | None:
    """A player is in a zone. Zones count once each."""
    deeds = state.get(Deeds, player)
    if deeds is None or zone in (before := zones_of(deeds)):
        return None
    earned = earned_of(deeds)
    lacking = _lacking("zones", earned)
    if not lacking:
        return None
    zones = sorted([*before, zone])
    new = [one for one in lacking if _is_reached(one, zones, state.world)]
    return _written(state, replace(deeds, zones=_text(zones)), earned, new, now_ms)


def _is_reached(one: Achievement, zones: list[str], world: World) -> bool:
    count, of = _zones_progress(one, zones, world)
    return count >= of


def _zones_progress(one: Achievement, zones: list[str], world: World) -> tuple[int, int]:
    """How many zones of today's world were seen, and how many are to be."""
    return sum(zone in world.zones for zone in zones), len(world.zones) if one.every else one.number


def _written(state: State, deeds: Deeds, earned: dict[str, int], new: list[Achievement], now_ms: int) -> Outcome:
    """Write deeds down, with what they earn. Whose mailbox is full is not told, and finds it in the list."""
    if not new:
        return Outcome(put=(deeds,))
    earned |= {one.name: now_ms for one in new}
    told = [_achieved(one, points_of(earned)) for one in new] if has_room_for_mail(state, deeds.id) else []
    return Outcome(
        put=(replace(deeds, earned=_text(earned)),),
        notifications=tuple(Notification(notice=one, player=deeds.id) for one in told),
    )


def _achieved(one: Achievement, total: int) -> Achieved:
    return Achieved(name=one.name, title=one.title, text=one.text, points=one.points, total=total)


# What players and other modules ask.


@rule(components=PARTS)
def achievements(state: State, event: Achievements, context: Context) -> Outcome:
    """What is achieved, and what lies ahead."""
    deeds = state.of(Deeds)[actor(state, context).id]
    earned, counts, zones = earned_of(deeds), counts_of(deeds), zones_of(deeds)
    mine = [_earned(ACHIEVEMENTS[name], at_ms) for name, at_ms in earned.items() if name in ACHIEVEMENTS]
    lacking = [one for name, one in ACHIEVEMENTS.items() if name not in earned]
    ahead = [_ahead(one, *_progress(one, counts, zones, state.world)) for one in lacking]
    return Outcome(result=Honours(points=points_of(earned), earned=mine, ahead=ahead))


def _progress(one: Achievement, counts: dict[str, int], zones: list[str], world: World) -> tuple[int, int]:
    """How far an achievement is, and how far it goes."""
    return _zones_progress(one, zones, world) if one.counts == "zones" else (counts.get(one.key, 0), one.number)


def _earned(one: Achievement, at_ms: int) -> Earned:
    return Earned(name=one.name, title=one.title, text=one.text, points=one.points, at_ms=at_ms)


def _ahead(one: Achievement, count: int, of: int) -> Ahead:
    return Ahead(name=one.name, title=one.title, text=one.text, points=one.points, count=count, of=of)


@rule(needs=lambda event, context: (ids(Player, event.player), *deeds_needs(event.player)))
def saw(state: State, event: Saw, context: Context) -> Outcome:
    """The zone counts, if it is a new one."""
    return seen(state, event.player, context.now_ms, event.zone) or Outcome()


@rule(needs=lambda event, context: (ids(Player, event.player), *deeds_needs(event.player)))
def gave(state: State, event: Gave, context: Context) -> Outcome:
    """Coins given away earn what they have reached."""
    return reached(state, event.player, context.now_ms, "given", event.coins) or Outcome()
