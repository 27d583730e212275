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

import difflib
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

from gameserver.declare.importing import exists, imported, is_package
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.source_locations import file_of, gives_value, place, place_of_value
from gameserver.errors import Corrupt

SETTING = "GAMESERVER_GAME"
HOME = "GAMESERVER_HOME"
BUNDLED = "gameserver.games.millbrook"
PROJECT = "pyproject.toml"
_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
_NAMES_GAME = re.compile(r"\s*(tool\.gameserver\.)?game\s*=")
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
# Families name queues and Celery tasks: these names, and what begins with one and a dot, are the engine's and Celery's.
RESERVED = frozenset({"celery", "dead", "delay", "gateway", "server"})
# Names of packages that the engine imports: a game's folder goes before them on Python's path.
TAKEN = frozenset(
    {"gateway", "tasks", "celeryconfig", "flowerconfig", "celery", "kombu", "amqp", "billiard", "vine", "flower"}
    | {"twisted", "pika", "sqlalchemy", "alembic", "msgspec", "cryptography", "tornado", "prometheus_client", "pytest"}
)
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
    found = ((each, _game_of(each / PROJECT)) for each in (start, *start.parents))
    return next(((each, name) for each, name in found if name), None)


def _game_of(file: Path) -> str:
    """Return the game that a project's file names; nothing where there is no such file, or it is about other things."""
    if not file.is_file():
        return ""
    try:
        name: Any = tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise Corrupt("bad_game", f"{file} cannot be read: {error}.") from None
    for key in ("tool", "gameserver", "game"):
        name = name.get(key, {}) if isinstance(name, dict) else name
    if name and not _is_dotted(name):
        at = _place_of_game_in(file)
        raise Corrupt("bad_game", f"{at}: game in [tool.gameserver] must be a package's name, as text.")
    return str(name) if name else ""


def _is_dotted(name: Any) -> bool:
    return isinstance(name, str) and _DOTTED.fullmatch(name) is not None


@once_per_reading
def game() -> Game:
    """The game that is played. Raises ``Corrupt``: ``bad_game`` where there is none, ``bad_module``."""
    _refuse_unnamed()
    name = package()
    _refuse_anothers(name)
    _make_importable()
    if not _is_dotted(name) or not exists(name) or not is_package(name):
        raise Corrupt("bad_game", f"{_where_it_is_named()}: there is no package {name} on Python's path.")
    found = getattr(imported(name), "GAME", None)
    if not isinstance(found, Game):
        raise Corrupt("bad_game", f"{place_in_game()}: the package {name} has no GAME = Game(...).")
    for field, (sound, fault) in _checked(found).items():
        if not sound:
            raise Corrupt("bad_game", f"{place_in_game(field)}: {field} of GAME must be {fault}.")
    return found


def _refuse_unnamed() -> None:
    """Raise ``Corrupt`` where a game lies in the folder, and nothing names it: another one would be played."""
    if os.environ.get(SETTING) or _named():
        return
    for file in sorted(folder().glob("*/__init__.py")):
        if gives_value(file, "GAME"):
            cure = f'write {PROJECT} with [tool.gameserver] and game = "{file.parent.name}"'
            raise Corrupt("bad_game", f"{place_of_value(file, 'GAME')}: a game, and no {PROJECT} names it: {cure}.")


def _refuse_anothers(name: str) -> None:
    """Raise ``Corrupt`` where a game is called as what Python, or the engine, imports under that name."""
    first = name.partition(".")[0]
    if first in sys.stdlib_module_names or first in TAKEN:
        fault = f"{first} is a package that Python or the engine imports"
        raise Corrupt("bad_game", f"{_where_it_is_named()}: {fault}: rename the package.")


def _checked(found: Game) -> dict[str, tuple[bool, str]]:
    """Whether each field is what it must be, and what that is."""
    names, data = found.modules, found.data
    return {
        "modules": (_are(names, str), "a tuple of dotted names"),
        "world": (isinstance(found.world, Path), "a pathlib.Path"),
        "data": (isinstance(data, Mapping) and _are([*data.values()], Path), "names with a pathlib.Path each"),
        "begins": (_are(found.begins, object), "a tuple of entities"),
    }


def _are(things: Any, kind: type) -> bool:
    return isinstance(things, tuple | list) and all(isinstance(each, kind) for each in things)


def place_in_game(part: str = "") -> str:
    """Return where the game's package says ``GAME``; ``part``: the line of a field or of a text within, if seen."""
    return place_of_value(file_of(imported(package())), "GAME", part)


def _where_it_is_named() -> str:
    """Return the setting, or the line of the project's file, that names the package."""
    if name := os.environ.get(SETTING):
        return f"{SETTING}={name}"
    found = _named()
    return _place_of_game_in(found[0] / PROJECT) if found else BUNDLED


def _place_of_game_in(file: Path) -> str:
    lines = file.read_text().splitlines()
    return place(str(file), next((n for n, line in enumerate(lines, 1) if _NAMES_GAME.match(line)), 1))


@once_per_reading
def modules() -> tuple[str, ...]:
    """The packages of the game's modules: those it names, in their order, then its own, by name.

    Raises ``Corrupt``: ``bad_game`` where a name leads to no module, or two modules have one family's name, or one a
    name that no family may have.
    """
    named, own = game().modules, _own(package())
    for name in named:
        if named.count(name) > 1:
            raise Corrupt("bad_game", f"{place_in_game(name)}: {name} is named twice.")
        if not _is_module(name):
            raise Corrupt("bad_game", f"{place_in_game(name)}: there is no module {name}{_near(name)}.")
    found = (*named, *(name for name in own if name not in named))
    for name in found:
        _check_name(name)
    families: dict[str, str] = {}
    for name in found:
        first = families.setdefault(family_of(name), name)
        if first != name:
            both = f"{first} and {name} would both be the family {family_of(name)}"
            raise Corrupt("bad_game", f"{_place_of_module(name)}: {both}: rename one, or leave one out.")
    return found


@once_per_reading
def beside() -> tuple[str, ...]:
    """The game's modules, and those that stand beside them in the packages from which it takes some."""
    parents = dict.fromkeys(name.rpartition(".")[0] for name in game().modules)
    others = [name for parent in parents if parent and is_package(parent) for name in _own(parent)]
    return tuple(dict.fromkeys((*modules(), *others)))


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


def _place_of_module(name: str) -> str:
    """Return the line of the game that names a module, or else the module's own first."""
    return place_in_game(name) if name in game().modules else place(file_of(imported(name)), 1)


def _near(name: str) -> str:
    """Return the question for a module of nearly this name, beside which it would stand."""
    parent = name.rpartition(".")[0]
    beside = _own(parent) if parent and exists(parent) and is_package(parent) else []
    near = difflib.get_close_matches(name, beside, 1)
    return f" (is it {near[0]}?)" if near else ""


def _own(name: str) -> list[str]:
    for file in sorted(path for at in imported(name).__path__ for path in Path(at).glob("*/events.py")):
        if not (file.parent / "__init__.py").exists():
            raise Corrupt("bad_module", f"{file.parent} has an events.py, and no __init__.py that makes it a module.")
    inside = pkgutil.iter_modules(imported(name).__path__, f"{name}.")
    return [package for package in sorted(info.name for info in inside if info.ispkg) if _is_module(package)]


def _is_module(name: str) -> bool:
    return exists(name) and is_package(name) and any(exists(f"{name}.{part}") for part in PARTS)
