"""``gameserver new NAME``: write a working game into a folder of that name.

The files stand beside this one, in ``new_game/``: a game called ``mygame``, whose name is replaced.
"""

import keyword
from importlib.util import find_spec
from pathlib import Path

from gameserver.errors import Rejected
from gameserver.games import millbrook
from gameserver.store.own_migrations import NAME_CHARS_MAX

TEMPLATE = Path(__file__).parent / "new_game"
SUFFIX = ".tmpl"  # keeps linters, type checkers and pytest out of files that are no modules of the engine
PLACEHOLDER = "mygame"
TILES = "tiles.png"  # the picture that the maps show in Tiled


def new_game(name: str, parent: Path) -> Path:
    """Write a game into a new folder below ``parent``. Returns the folder.

    Raises ``Rejected``: ``bad_name``, ``already_there``, ``not_written``.
    """
    folder = parent / name
    _check(name, folder)
    try:
        for file, text in files(name).items():
            _write(folder / file, text)
        (folder / name / "maps" / TILES).write_bytes((millbrook.MAPS / TILES).read_bytes())
    except OSError as error:
        raise Rejected("not_written", f"{error.filename} cannot be written: {error.strerror}.") from None
    return folder


def files(name: str) -> dict[str, str]:
    """Return the text files of a new game, by their paths."""
    found = sorted(TEMPLATE.rglob(f"*{SUFFIX}"))
    paths = {str(file.relative_to(TEMPLATE)).removesuffix(SUFFIX): file for file in found}
    return {
        path.replace(PLACEHOLDER, name): file.read_text().replace(PLACEHOLDER, name) for path, file in paths.items()
    }


def _check(name: str, folder: Path) -> None:
    sound = name.isidentifier() and name.isascii() and name == name.lower() and len(name) <= NAME_CHARS_MAX
    if not sound or keyword.iskeyword(name):
        rule = f"small letters, digits and _, a letter first, {NAME_CHARS_MAX} of them at most"
        raise Rejected("bad_name", f"{name!r} cannot be a game's name: {rule}.")
    if folder.exists():
        raise Rejected("already_there", f"{folder} is there already, and is left alone.")
    if find_spec(name) is not None:
        raise Rejected("bad_name", f"Python has a package {name} already: the game needs another name.")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
