"""The game that is played: a package that names its modules and its world.

A module is a package with a feature from top to bottom: ``events`` (what is declared), ``rules``, ``entities``,
``maps`` (objects that maps may show), as many of these as it has. A game names the modules that it takes from
elsewhere; packages within its own that are modules belong to it without being named. ``GAMESERVER_GAME`` says which
package is played, in every process alike.
"""

import os
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType

import msgspec

from gameserver.declare.places import exists, imported
from gameserver.errors import Corrupt

SETTING = "GAMESERVER_GAME"
BUNDLED = "gameserver.games.millbrook"
PARTS = ("events", "rules", "entities", "maps")


class Game(msgspec.Struct, frozen=True, kw_only=True):
    """A game, as its package declares it under the name ``GAME``.

    ``modules``: packages of modules that it takes from elsewhere, by their dotted names. ``world``: its ``.world``
    file. ``creatures``: a JSON list of the kinds of creatures that its maps may name, if there are any.
    """

    modules: tuple[str, ...]
    world: Path
    creatures: Path | None = None


def package() -> str:
    """The dotted name of the package that is played."""
    return os.environ.get(SETTING) or BUNDLED


@cache
def game() -> Game:
    """The game that is played. Raises ``Corrupt``: ``bad_game`` where there is none, ``bad_module``."""
    name = package()
    if not exists(name):
        raise Corrupt("bad_game", f"{SETTING}={name}: there is no such package on Python's path.")
    found = getattr(imported(name), "GAME", None)
    if not isinstance(found, Game):
        raise Corrupt("bad_game", f"{SETTING}={name}: the package has no GAME = Game(...).")
    return found


@cache
def modules() -> tuple[str, ...]:
    """The packages of the game's modules: those it names, in their order, then its own, by name.

    Raises ``Corrupt``: ``bad_game`` where a name leads to no module, or two modules have one family's name.
    """
    named, own = game().modules, _own(package())
    for name in named:
        if not exists(name):
            raise Corrupt("bad_game", f"{package()}: there is no module {name}.")
    found = (*named, *(name for name in own if name not in named))
    families: dict[str, str] = {}
    for name in found:
        first = families.setdefault(family_of(name), name)
        if first != name:
            raise Corrupt("bad_game", f"{package()}: {first} and {name} would both be the family {family_of(name)}.")
    return found


def parts(part: str) -> list[ModuleType]:
    """The modules' parts of a name (one of ``PARTS``), imported, as far as there are any."""
    return [imported(f"{name}.{part}") for name in modules() if exists(f"{name}.{part}")]


def family_of(module: str) -> str:
    """The family of a module: the name of its folder."""
    return module.rpartition(".")[2]


def _own(name: str) -> list[str]:
    inside = pkgutil.iter_modules(imported(name).__path__, f"{name}.")
    packages = sorted(info.name for info in inside if info.ispkg)
    return [package for package in packages if any(exists(f"{package}.{part}") for part in PARTS)]
