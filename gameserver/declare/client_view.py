"""How a client's view of the world follows what it is told: functions in the ``world_view.py`` of modules and games.

A function marked with ``@follows("moved")`` is called with the client's view and each notice of that type; one with the
name of an event, ``@follows("move")``, with the view, each event of that type that took effect, and the data of its
reply. The client library calls them (``gameserver.client.world_view``) and knows no notice itself. Whoever adds to
another module's notices writes a function of the same name: all are called, in the game's order of modules.
"""

from collections.abc import Callable
from difflib import get_close_matches
from types import FunctionType
from typing import Any, Protocol, TypeVar

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.game_package import package, parts
from gameserver.declare.importing import exists, imported
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.signatures import misfits
from gameserver.declare.source_locations import caller
from gameserver.errors import Corrupt

Packet = dict[str, Any]
Updater = Callable[..., None]
Follows = dict[str, tuple[Updater, ...]]

PART = "world_view"
NOTICE, REPLY = ("view", "notice"), ("view", "event", "data")

F = TypeVar("F", bound=Updater)


class View(Protocol):
    """What a client knows of the world. Each change of a being has a number, ``v``: what is older is ignored.

    ``me``: the player. ``beings``: the others in view, by id.
    """

    me: Packet
    beings: dict[str, Packet]

    def show(self, being: Packet) -> None:
        """Note that someone is in view; the fields ``id`` and ``v`` are needed."""
        ...

    def expect_view(self) -> None:
        """Note that all that is in view will be told: the player stands elsewhere."""
        ...

    def show_only(self, beings: list[Packet], keep: Callable[[Packet], bool]) -> None:
        """Note that these are in view, and of those who appeared since a view is due whom ``keep`` accepts."""
        ...

    def hide(self, who: str, v: int) -> None:
        """Note that someone is out of view, since a change of this number."""
        ...

    def change(self, who: str, v: int | None = None, **fields: Any) -> None:
        """Change fields of someone in view, or of the player; without ``v`` whichever is newer."""
        ...


class Follower(msgspec.Struct, frozen=True, kw_only=True):
    """A function that was declared. ``of``: the notice or event. ``at``: where it stands, file and line."""

    function: Updater
    of: str
    at: str

    @property
    def file(self) -> str:
        """The module of Python in which it stands."""
        return self.function.__module__


DECLARED: list[Follower] = []


def follows(name: str) -> Callable[[F], F]:
    """Have a client's view follow notices of this name, or successful replies to events of it.

    The function takes ``(view, notice)``, or ``(view, event, data)`` for an event: maps, as they travel.
    """
    at = caller()
    if type(name) is not str:
        raise Corrupt("bad_declaration", f'{at}: name what is followed, as in @follows("moved").')

    def mark(function: F) -> F:
        if not isinstance(function, FunctionType):
            raise Corrupt("bad_declaration", f"{at}: what follows {name!r} is written with def.")
        DECLARED.append(Follower(function=function, of=name, at=at))
        return function

    return mark


@once_per_reading
def followers() -> Follows:
    """The functions by notice and event, in the game's order of modules, its own package last.

    Raises ``Corrupt``: ``bad_module``; ``bad_declaration`` for one that follows nothing, or takes other arguments.
    """
    order = [module.__name__ for module in (*parts(PART), *_own())]
    found = sorted((one for one in DECLARED if one.file in order), key=lambda one: order.index(one.file))
    for one in found:
        _refuse(one)
    return {name: tuple(one.function for one in found if one.of == name) for name in {one.of: None for one in found}}


def _own() -> list[Any]:
    name = f"{package()}.{PART}"
    return [imported(name)] if exists(name) else []


def _refuse(one: Follower) -> None:
    for fault, true in _faults(one).items():
        if true:
            raise Corrupt("bad_declaration", f"{one.at}: {one.function.__name__} follows {one.of!r}: {fault}.")


def _faults(one: Follower) -> dict[str, bool]:
    known = {**dict.fromkeys(catalogue.notices(), NOTICE), **dict.fromkeys(catalogue.client_events(), REPLY)}
    near = get_close_matches(str(one.of), known, 1)
    takes = known.get(one.of)
    return {
        "there is no such notice or event" + (f" (is it {near[0]}?)" if near else ""): takes is None,
        **(misfits("the function", one.function, takes) if takes else {}),
    }
