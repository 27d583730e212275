"""Entities that change maps while they are played: what game masters build, for one.

A module says in its ``maps.py`` which entities do, and how a world looks with them:

    redraws(Change, by="n", draw=drawn)

Every worker reads those that are newer than what it knows, in their order, once a second, and rules find the maps
so (``State.zone``). ``by`` is an integer field that is greater in each transaction that is committed later: its values
are given out under a lock. ``draw`` takes ``(world, entities)`` and returns the world that they make of it. A worker
that begins draws them on the maps of the files, so each says how something is, and not how it changes. One that the
files show by now may be dropped (``rules.fitting``).
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gameserver.declare.entity import Entity, kinds
from gameserver.declare.game_package import parts
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.signatures import misfits
from gameserver.declare.source_locations import caller
from gameserver.errors import Corrupt
from gameserver.maps.objects import World

DRAWS = ("world", "entities")
Draw = Callable[[World, Sequence[Any]], World]


class Redrawing(msgspec.Struct, frozen=True):
    """What is said of a kind of entities; see ``redraws``. ``module``: in which module of Python."""

    kind: type[Entity]
    by: str
    draw: Draw
    module: str
    at: str


_SAID: list[Redrawing] = []


def redraws(kind: type[Entity], *, by: str, draw: Draw) -> None:
    """Say which entities change maps, in which order, and how."""
    at = caller()
    faults = {f"{kind.__name__} has no integer field {by}": kind.spec.types.get(by) is not int}
    for fault in (sentence for sentence, true in (faults | misfits("draw", draw, DRAWS)).items() if true):
        raise Corrupt("bad_declaration", f"{at}: redraws: {fault}.")
    _SAID.append(Redrawing(kind, by, draw, sys._getframe(1).f_globals["__name__"], at))


@once_per_reading
def redrawings() -> tuple[Redrawing, ...]:
    """What the game's modules say, in the order of the entities."""
    mine = {module.__name__ for module in parts("maps")}
    found = [one for one in _SAID if one.module in mine]
    for one in (one for one in found if one.kind not in kinds()):
        raise Corrupt("bad_declaration", f"{one.at}: redraws: {one.kind.__name__} is no entity of this game.")
    return tuple(sorted(found, key=lambda one: kinds().index(one.kind)))
