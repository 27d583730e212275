"""How things look to players: what each kind of entity with a place adds to a view.

A module whose entities can be seen says so in its ``hooks.py``. Several modules may say something of one kind: what
the earlier in the game's order makes of it is handed to the next.

    @looks(Body, components=(Health,))
    def shows_health(state, body, being):
        return replace(being, hp=state.of(Health)[body.id].hp)

    @hides(Body, components=(Health,))
    def hides_the_dead(state, body):
        return state.of(Health)[body.id].dead_until_ms > 0
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from gameserver.declare.entity import Entity, kinds
from gameserver.declare.hooks import hook_files
from gameserver.declare.readings import once_per_reading
from gameserver.modules.movement.events import Being
from gameserver.rules.outcome import State

Kind = type[Entity]
Shows = Callable[[State, Any, Any], Being]
Hides = Callable[[State, Any], bool]
F = TypeVar("F", bound=Callable[..., Any])


class _Said(msgspec.Struct, frozen=True):
    kind: Kind
    function: Callable[..., Any]
    components: tuple[Kind, ...]
    hides: bool


class _Look(msgspec.Struct):
    """All that the game's modules say of a kind."""

    components: tuple[Kind, ...] = ()
    shows: tuple[Shows, ...] = ()
    hides: tuple[Hides, ...] = ()


_SAID: list[_Said] = []


def looks(kind: Kind, *, components: tuple[Kind, ...] = ()) -> Callable[[F], F]:
    """Say how entities of a kind look. The function takes ``(state, thing, being)`` and returns a ``Being``.

    ``being`` is what an earlier function returned, ``None`` for the first. ``components``: the parts of the thing's
    record that it reads; they are loaded wherever such things are shown.
    """
    return _say(kind, components, hides=False)


def hides(kind: Kind, *, components: tuple[Kind, ...] = ()) -> Callable[[F], F]:
    """Say which entities of a kind nobody sees. The function takes ``(state, thing)`` and returns whether it is one."""
    return _say(kind, components, hides=True)


def _say(kind: Kind, components: tuple[Kind, ...], *, hides: bool) -> Callable[[F], F]:
    def mark(function: F) -> F:
        _SAID.append(_Said(kind, function, components, hides))
        return function

    return mark


@once_per_reading
def _known() -> dict[Kind, _Look]:
    """What the game's modules say, by kind, in the order of the entities."""
    ranks = hook_files()
    said = sorted((s for s in _SAID if s.function.__module__ in ranks), key=lambda s: ranks[s.function.__module__])
    by_kind = {kind: [one for one in said if one.kind is kind] for kind in kinds()}
    return {kind: _look(mine) for kind, mine in by_kind.items() if mine}


def _look(said: list[_Said]) -> _Look:
    return _Look(
        components=tuple(dict.fromkeys(part for one in said for part in one.components)),
        shows=tuple(one.function for one in said if not one.hides),
        hides=tuple(one.function for one in said if one.hides),
    )


def seen_kinds() -> tuple[Kind, ...]:
    """The kinds of entities that can be seen."""
    return tuple(_known())


@once_per_reading
def shown_with(kind: Kind) -> tuple[Kind, ...]:
    """The parts of its record that are read where an entity of this kind is shown, itself left out."""
    return _known()[kind].components if kind in _known() else ()


@once_per_reading
def seen_parts() -> tuple[Kind, ...]:
    """What is loaded to show all that is seen: each kind, followed by its components."""
    return tuple(part for kind in seen_kinds() for part in (kind, *shown_with(kind)))


def being(state: State, thing: Any) -> Being:
    """Return how something looks to others. Raises ``KeyError`` for what no module shows."""
    found: Any = None
    for show in _known()[type(thing)].shows:
        found = show(state, thing, found)
    seen: Being = found
    return seen


def is_seen(state: State, thing: Any) -> bool:
    """Whether others can see it where it stands."""
    return not any(hide(state, thing) for hide in _known()[type(thing)].hides)
