"""Creatures that are players': so many each at most, in rows whose ids are known from the player's."""

from msgspec.structs import replace

from gameserver.game import Needs, Notification, Outcome, Rejected, State, ids
from gameserver.modules.combat.creature_kinds import kind_of
from gameserver.modules.combat.entities import Creature
from gameserver.modules.creatures.events import Companion
from gameserver.modules.creatures.moods import FOLLOW
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import appears, vanishes

COMPANIONS_MAX = 2


def companion_ids(player: str) -> tuple[str, ...]:
    """The ids of a player's creatures, whether they are there or not."""
    return tuple(f"{player}.companion.{n}" for n in range(1, COMPANIONS_MAX + 1))


def companions_needs(player: str) -> Needs:
    """Select a player's creatures, to be changed."""
    return (ids(Creature, *companion_ids(player)),)


def companions_of(state: State, player: str) -> list[Creature]:
    """A player's creatures, as far as they were loaded."""
    found = (state.get(Creature, id_) for id_ in companion_ids(player))
    return [creature for creature in found if creature is not None and creature.owner == player]


def mine(state: State, player: str, id_: str) -> Creature:
    """A creature of a player's. Raises ``Rejected`` ``not_yours``."""
    found = next((creature for creature in companions_of(state, player) if creature.id == id_), None)
    if found is None:
        raise Rejected("not_yours", "You have no such creature.")
    return found


def shown(creature: Creature) -> Companion:
    """A creature as its owner knows it."""
    kind = kind_of(creature.kind)
    return Companion(
        id=creature.id,
        kind=creature.kind,
        title=kind.title,
        hp=creature.hp,
        hp_max=kind.hp_max,
        zone=creature.zone,
        does=creature.mood or FOLLOW,
        dead=creature.dead,
    )


def shown_all(state: State, player: str) -> list[Companion]:
    """A player's creatures as their owner knows them."""
    return [shown(creature) for creature in companions_of(state, player)]


def sent_to(state: State, creature: Creature, body: Body) -> Outcome:
    """Let a creature be where its owner stands, whose move it sees nobody make."""
    there = replace(creature, zone=body.zone, x=body.x, y=body.y, prey="", v=creature.v + 1)
    left = (vanishes(replace(creature, v=there.v)),) if creature.zone else ()
    seen: tuple[Notification, ...] = (*left, *appears(state, there))
    return Outcome(put=(there,), notifications=seen)


def put_away(creature: Creature) -> Outcome:
    """Let a creature wait in no zone until its owner comes."""
    away = replace(creature, zone="", prey="", v=creature.v + 1)
    return Outcome(put=(away,), notifications=(vanishes(replace(creature, v=away.v)),))
