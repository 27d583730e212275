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
    misfit: Callable[..., str]
    cure: Callable[[State, Any], Outcome]
    components: tuple[type[Entity], ...]
    module: str
    fresh: Callable[[Any, int], bool]
    beside: Callable[[Any], str] | None
    at: str

    def other(self, thing: Any) -> str:
        """The id of the other by which a thing is judged, "" for none."""
        return self.beside(thing) if self.beside else ""

    def why(self, world: World, thing: Any, other: Any, now_ms: int) -> str:
        """Why it can't stay, "" when it can, or when it is too new to be judged."""
        if self.fresh(thing, now_ms):
            return ""
        return self.misfit(world, thing, other) if self.beside else self.misfit(world, thing)


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
    misfit: Callable[..., str],
    cure: Callable[[State, Any], Outcome] = removed,
    components: tuple[type[Entity], ...] = (),
    fresh: Callable[[Any, int], bool] = never,
    beside: Callable[[Any], str] | None = None,
) -> None:
    """Say which entities of a kind do not fit into a world, and what is done with them.

    ``misfit`` takes ``(world, thing)`` and returns why it can't stay as it is, as a sentence about all like it, "" when
    it can. ``cure`` takes ``(state, thing)`` and returns an outcome: what is put and dropped, and events of the server
    that are born. ``components``: the other parts of its record that the cure reads. ``fresh`` takes
    ``(thing, now_ms)``: is it too new to be judged, because not every worker knows of it yet?
    ``beside`` takes ``(thing)`` and returns the id of another of its kind, "" for none; then ``misfit`` takes
    ``(world, thing, other)``, the other being ``None`` where there is none, and the cure finds it in its state.
    """
    module, at = sys._getframe(1).f_globals["__name__"], caller()
    judged = ("world", "thing", "other") if beside else ("world", "thing")
    faults = misfits("misfit", misfit, judged) | misfits("cure", cure, ("state", "thing"))
    faults |= misfits("fresh", fresh, ("thing", "now_ms"))
    faults |= misfits("beside", beside, ("thing",)) if beside else {}
    for fault in (sentence for sentence, true in faults.items() if true):
        raise Corrupt("bad_declaration", f"{at}: fitting: {fault}.")
    _SAID.append(Fitting(kind, misfit, cure, components, module, fresh, beside, at))


@once_per_reading
def fittings() -> tuple[Fitting, ...]:
    """What the game's modules say, in the order of the entities."""
    mine = {module.__name__ for part in ("maps", "hooks") for module in parts(part)}
    found = [one for one in _SAID if one.module in mine]
    for one in (one for one in found if one.kind not in kinds()):
        raise Corrupt("bad_declaration", f"{one.at}: fitting: {one.kind.__name__} is no entity of this game.")
    return tuple(sorted(found, key=lambda one: kinds().index(one.kind)))
