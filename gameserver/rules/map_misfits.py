"""What becomes of entities when maps change: each module says it of its own.

A module says in its ``maps.py`` or ``hooks.py`` which of its entities do not fit into a world, and what is to be done
with them. ``gameserver.operations.apply_maps`` does it.

    fitting(Creature, misfit=superfluous, cure=removed)
"""

import sys
from collections.abc import Callable
from typing import Any

import msgspec

from gameserver.declare.entity import Entity, kinds
from gameserver.declare.game_package import parts
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.signatures import misfits
from gameserver.declare.source_locations import caller
from gameserver.errors import Corrupt
from gameserver.maps.objects import World
from gameserver.rules.outcome import Outcome, State


class Fitting(msgspec.Struct, frozen=True):
    """What is said of a kind of entities; see ``fitting``. ``module``: in which module of Python."""

    kind: type[Entity]
    misfit: Callable[[World, Any], str]
    cure: Callable[[State, Any], Outcome]
    components: tuple[type[Entity], ...]
    module: str
    fresh: Callable[[Any, int], bool]
    at: str


_SAID: list[Fitting] = []


def removed(state: State, thing: Entity) -> Outcome:
    """A cure: the entity goes."""
    return Outcome(drop=(thing,))


def never(thing: Entity, now_ms: int) -> bool:
    """Judge whatever is there, however new it is."""
    return False


def fitting(
    kind: type[Entity],
    *,
    misfit: Callable[[World, Any], str],
    cure: Callable[[State, Any], Outcome] = removed,
    components: tuple[type[Entity], ...] = (),
    fresh: Callable[[Any, int], bool] = never,
) -> None:
    """Say which entities of a kind do not fit into a world, and what is done with them.

    ``misfit`` takes ``(world, thing)`` and returns why it can't stay as it is, as a sentence about all like it, "" when
    it can. ``cure`` takes ``(state, thing)`` and returns an outcome: what is put and dropped, and events of the server
    that are born. ``components``: the other parts of its record that the cure reads. ``fresh`` takes
    ``(thing, now_ms)``: is it too new to be judged, because not every worker knows of it yet?
    """
    module, at = sys._getframe(1).f_globals["__name__"], caller()
    faults = misfits("misfit", misfit, ("world", "thing")) | misfits("cure", cure, ("state", "thing"))
    faults |= misfits("fresh", fresh, ("thing", "now_ms"))
    for fault in (sentence for sentence, true in faults.items() if true):
        raise Corrupt("bad_declaration", f"{at}: fitting: {fault}.")
    _SAID.append(Fitting(kind, misfit, cure, components, module, fresh, at))


@once_per_reading
def fittings() -> tuple[Fitting, ...]:
    """What the game's modules say, in the order of the entities."""
    mine = {module.__name__ for part in ("maps", "hooks") for module in parts(part)}
    found = [one for one in _SAID if one.module in mine]
    for one in (one for one in found if one.kind not in kinds()):
        raise Corrupt("bad_declaration", f"{one.at}: fitting: {one.kind.__name__} is no entity of this game.")
    return tuple(sorted(found, key=lambda one: kinds().index(one.kind)))
