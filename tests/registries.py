"""What an object keeps: how much stands in every dictionary, list, set and queue that can be reached from it."""

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

OURS = ("gateway.", "gameserver.", "tasks.")
CONTAINERS = (dict, list, set, frozenset, tuple, deque)


def registries(root: object) -> Counter[str]:
    """How many things stand in each registry, by the shortest way to it (``Hub._crowd._sessions``).

    What each of many has is summed up: ``Hub._crowd._sessions[].lanes``.
    """
    found: Counter[str] = Counter()
    seen: set[int] = set()
    todo: deque[tuple[str, Any]] = deque([(type(root).__name__, root)])
    while todo:
        path, thing = todo.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, CONTAINERS):
            if not isinstance(thing, tuple | frozenset):  # which never grow
                found[path] += len(thing)
            todo += [(f"{path}[]", each) for each in _elements(thing)]
        elif type(thing).__module__.startswith(OURS):
            todo += [(f"{path}.{name}", value) for name, value in _attributes(thing)]
    return found


def _elements(thing: Any) -> Iterator[Any]:
    yield from thing
    if isinstance(thing, dict):
        yield from thing.values()


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    slots = {name for cls in type(thing).__mro__ for name in getattr(cls, "__slots__", ())}
    for name in sorted({*getattr(thing, "__dict__", ()), *slots}):
        if hasattr(thing, name):
            yield name, getattr(thing, name)
