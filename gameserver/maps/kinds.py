"""The kinds of creatures that the game has, read from its data file (``Game.creatures``)."""

import re
from pathlib import Path

import msgspec

from gameserver.declare.game_package import game
from gameserver.errors import Corrupt

NAME = "[a-z][a-z0-9_]*"  # it becomes part of creatures' ids, in which a dot separates


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of creature; ``reach`` and ``sight`` are in tiles, ``xp`` is what its killer earns.

    An ``aggressive`` kind attacks whom it sees; any other only strikes back.
    """

    name: str
    title: str
    hp_max: int
    attack: int
    defence: int
    reach: int
    sight: int
    xp: int
    aggressive: bool
    act_every_ms: int
    respawn_s: int


def read_kinds(path: Path) -> dict[str, Kind]:
    """Read a game's kinds of creatures by name, from a JSON list of them. Raises ``Corrupt`` ``bad_world``."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[Kind])
    except OSError as error:
        raise Corrupt("bad_world", f"{path}: can't be read ({error.strerror}).") from error
    except msgspec.DecodeError as error:
        raise Corrupt("bad_world", f"{path}: {error}.") from error
    for n, kind in enumerate(found):
        if not re.fullmatch(NAME, kind.name):
            raise Corrupt("bad_world", f"{path}: kind {n} has the name {kind.name!r}, which must match {NAME}.")
        if kind.name in {other.name for other in found[:n]}:
            raise Corrupt("bad_world", f"{path}: two kinds have the name {kind.name}.")
    return {kind.name: kind for kind in found}


KINDS: dict[str, Kind] = read_kinds(path) if (path := game().creatures) else {}


def kind_of(name: str) -> Kind:
    """A kind; of one that is gone (another version has it, or had it) something that stands there and does no harm."""
    return KINDS.get(name) or Kind(
        name=name,
        title=name.capitalize(),
        hp_max=1,
        attack=0,
        defence=0,
        reach=0,
        sight=0,
        xp=0,
        aggressive=False,
        act_every_ms=60_000,
        respawn_s=60,
    )
