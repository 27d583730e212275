"""The game that is played: a package that names its modules and its world.

A module is a package with a feature from top to bottom: ``events`` (what is declared), ``rules``, ``entities``,
``maps`` (objects that maps may show), ``hooks`` (what it adds to the rules of others), ``conserved`` (what no event may
make or destroy), ``world_view`` (how a client's view follows what it is told), ``text`` (what people at terminals type
and read), as many of these as it has. A game names the modules that it takes from elsewhere; packages within its own
that are modules belong to it without being named.

Which package is played, every process finds out alike: ``GAMESERVER_GAME`` names it, or the game's folder does. That is
the nearest folder, from ``GAMESERVER_HOME`` and else from the current one upwards, whose ``pyproject.toml`` has

    [tool.gameserver]
    game = "mygame"
"""

import keyword
import os
import pkgutil
import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.source_locations import exists, imported
from gameserver.errors import Corrupt

SETTING = "GAMESERVER_GAME"
HOME = "GAMESERVER_HOME"
BUNDLED = "gameserver.games.millbrook"
_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
# Families name queues and Celery tasks: these names, and what begins with one and a dot, are the engine's and Celery's.
RESERVED = frozenset({"celery", "dead", "delay", "gateway", "server"})
PARTS = ("events", "rules", "entities", "maps", "hooks", "conserved", "world_view", "text")


class Game(msgspec.Struct, frozen=True, kw_only=True):
    """A game, as its package declares it under the name ``GAME``.

    ``modules``: packages of modules that it takes from elsewhere, by their dotted names. ``world``: its ``.world``
    file. ``data``: data files of its modules by the names that these ask for (``{"creatures": MAPS / "rats.json"}``),
    each a JSON list of records (``gameserver.maps.data_files``). ``begins``: with what a new player starts, where it is
    not the defaults of the components: entities with any id (``Purse(id="", coins=50)``).
    """

    modules: tuple[str, ...]
    world: Path
    data: Mapping[str, Path] = {}
    begins: tuple[Any, ...] = ()


def package() -> str:
    """Return the dotted name of the package that is played. Raises ``Corrupt`` ``bad_game``: see ``folder``."""
    found = _named()
    return os.environ.get(SETTING) or (found[1] if found else BUNDLED)


def folder() -> Path:
    """Return the folder of the game, in which its processes run.

    It is the folder that names a game, else ``GAMESERVER_HOME``, else the current one. Raises
    ``Corrupt`` ``bad_game`` where a ``pyproject.toml`` cannot be read or names no package.
    """
    found = _named()
    return found[0] if found else Path(os.environ.get(HOME) or Path.cwd()).resolve()


def _named() -> tuple[Path, str] | None:
    """Find the folder that names a game, and the name."""
    starts = [Path(start) for start in (os.environ.get(HOME), Path.cwd()) if start]
    return next((found for start in starts if (found := _above(start.resolve()))), None)


@cache
def _above(start: Path) -> tuple[Path, str] | None:
    found = ((each, _game_of(each / "pyproject.toml")) for each in (start, *start.parents))
    return next(((each, name) for each, name in found if name), None)


def _game_of(file: Path) -> str:
    """Return the game that a project's file names; nothing where there is no such file, or it is about other things."""
    if not file.is_file():
        return ""
    try:
        name = tomllib.loads(file.read_text()).get("tool", {}).get("gameserver", {}).get("game", "")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise Corrupt("bad_game", f"{file} cannot be read: {error}.") from None
    if not isinstance(name, str):
        raise Corrupt("bad_game", f"{file}: game in [tool.gameserver] must be a package's name, as text.")
    return name


@once_per_reading
def game() -> Game:
    """The game that is played. Raises ``Corrupt``: ``bad_game`` where there is none, ``bad_module``."""
    name = package()
    _make_importable()
    if not exists(name):
        raise Corrupt("bad_game", f"{SETTING}={name}: there is no such package on Python's path.")
    found = getattr(imported(name), "GAME", None)
    if not isinstance(found, Game):
        raise Corrupt("bad_game", f"{SETTING}={name}: the package has no GAME = Game(...).")
    if not isinstance(found.modules, tuple | list):
        raise Corrupt("bad_game", f"{SETTING}={name}: modules of its GAME must be a tuple of dotted names.")
    return found


@once_per_reading
def modules() -> tuple[str, ...]:
    """The packages of the game's modules: those it names, in their order, then its own, by name.

    Raises ``Corrupt``: ``bad_game`` where a name leads to no module, or two modules have one family's name, or one a
    name that no family may have.
    """
    named, own = game().modules, _own(package())
    for name in named:
        if not exists(name):
            raise Corrupt("bad_game", f"{package()}: there is no module {name}.")
    found = (*named, *(name for name in own if name not in named))
    for name in found:
        _check_name(name)
    families: dict[str, str] = {}
    for name in found:
        first = families.setdefault(family_of(name), name)
        if first != name:
            raise Corrupt("bad_game", f"{package()}: {first} and {name} would both be the family {family_of(name)}.")
    return found


def parts(part: str) -> list[ModuleType]:
    """The modules' parts of a name (one of ``PARTS``), imported, as far as there are any."""
    return [imported(f"{name}.{part}") for name in modules() if exists(f"{name}.{part}")]


def own_folders() -> tuple[Path, ...]:
    """Return the folders with the code of the game and of the modules that it takes, none of them within another."""
    found = sorted({Path(imported(name).__path__[0]).resolve() for name in (package(), *modules())})
    return tuple(path for path in found if not any(path.is_relative_to(other) for other in found if other != path))


def family_of(module: str) -> str:
    """The family of a module: the name of its folder."""
    return module.rpartition(".")[2]


def _check_name(module: str) -> None:
    """Refuse a folder after which neither Python nor queues and Celery tasks can be named."""
    name = family_of(module)
    fault = ""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        fault = "a module's name has small letters, digits and _, a letter first, and is no word of Python's own"
    elif name in RESERVED:
        fault = "queues or Celery tasks of the engine's own are named so"
    if fault:
        raise Corrupt("bad_module", f"{Path(imported(module).__path__[0])}: {fault}: rename the folder.")


def _make_importable() -> None:
    """Put the game's folder on Python's path: a command's own folder is there, and not the one it is typed in."""
    found = _named()
    if found and str(found[0]) not in sys.path:
        sys.path.insert(0, str(found[0]))


def _own(name: str) -> list[str]:
    inside = pkgutil.iter_modules(imported(name).__path__, f"{name}.")
    packages = sorted(info.name for info in inside if info.ispkg)
    return [package for package in packages if any(exists(f"{package}.{part}") for part in PARTS)]
