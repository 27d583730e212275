"""The proof of what a game declares as conserved, from what its events do.

What an event adds and takes is computed from the rows before and after it. That is to be nothing, but for the events
that are declared as sources and sinks; and what is kept in the end is what was there at first with all of it added.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from gameserver.declare.conserved import Conserved, Units, quantities
from gameserver.declare.entity import Entity
from gameserver.rules.outcome import Outcome, State

# How many units there are, by what is conserved and by which of it ("" where all units are alike).
Amounts = Counter[tuple[str, str]]


@cache
def _holding(kind: type[Entity]) -> tuple[tuple[Conserved, Units], ...]:
    return tuple((made, units) for made in quantities() for units in made.units if units.kind is kind)


def amounts(things: Iterable[Entity]) -> Amounts:
    """Add up what these entities hold."""
    found: Amounts = Counter()
    for thing in things:
        _add(found, thing, 1)
    return found


def _add(found: Amounts, thing: Entity, sign: int) -> None:
    for made, units in _holding(type(thing)):
        if not units.counts(thing):
            continue
        found[made.name, getattr(thing, units.by) if units.by else ""] += sign * _amount(units, thing)


def _amount(units: Units, thing: Entity) -> int:
    amount = getattr(thing, units.amount) if units.amount else 1
    return amount if type(amount) is int else 0  # no database takes it: its event comes to nothing


def changes(state: State, outcome: Outcome) -> Amounts:
    """Return what an outcome adds (and takes, below 0), from the state that its rule was given."""
    found: Amounts = Counter()
    put = {(type(thing), thing.id): thing for thing in outcome.put if _holding(type(thing))}
    for thing in put.values():
        _add(found, thing, 1)
    for kind, id_ in put.keys() | {(type(thing), thing.id) for thing in outcome.drop}:
        before = state.things.get(kind, {}).get(id_)
        if before is not None:
            _add(found, before, -1)
    return Counter({key: n for key, n in found.items() if n})


def difference(before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]) -> Amounts:
    """Return what came to be between two moments; what is as it was is left out."""
    found = Counter(after)
    found.subtract(before)
    return Counter({key: n for key, n in found.items() if n})


def undeclared(task: str, changed: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Find what an event made or destroyed that it is not declared for, a sentence each."""
    declared = {made.name: made for made in quantities()}
    for (name, which), n in sorted(changed.items()):
        made = declared[name]
        if n > 0 and task not in made.sources:
            yield f"{task} made {n} of {_shown(name, which)}, and is no source of it ({made.at})"
        if n < 0 and task not in made.sinks:
            yield f"{task} destroyed {-n} of {_shown(name, which)}, and is no sink of it ({made.at})"


def impossible(kept: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Find what cannot be, whatever made it: two of what there is one of, and less than nothing."""
    single = {made.name for made in quantities() if made.is_single}
    for (name, which), n in sorted(kept.items()):
        if name in single and n > 1:
            yield f"{_shown(name, which)} is in {n} places"
        if n < 0:
            yield f"there is less than nothing of {_shown(name, which)}: {n}"


def unexplained(
    before: Mapping[tuple[str, str], int], changed: Mapping[tuple[str, str], int], kept: Mapping[tuple[str, str], int]
) -> Iterator[str]:
    """Find where what is kept is not what was there before with all changes by events added."""
    due = Counter(before)
    due.update(changed)
    for (name, which), n in sorted(difference(due, kept).items()):
        there, should = kept.get((name, which), 0), due[name, which]
        yield f"there are {there} of {_shown(name, which)}, and what events did makes {should} ({n:+})"


def _shown(name: str, which: str) -> str:
    return f"{name} {which!r}" if which else name
