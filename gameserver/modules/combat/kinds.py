"""The kinds of creatures that the game has, read from its data file ``creatures``."""

import re

from gameserver.game import Record, records

NAME = "[a-z][a-z0-9_]*"  # it becomes part of creatures' ids, in which a dot separates


class Kind(Record, frozen=True):
    """One kind of creature; ``reach`` and ``sight`` are in tiles, ``xp`` is what its killer earns.

    An ``aggressive`` kind attacks whom it sees; any other only strikes back.
    """

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

    def problem(self) -> str:
        """Its name fits into ids."""
        return "" if re.fullmatch(NAME, self.name) else f"name: it must match {NAME}"


KINDS: dict[str, Kind] = records("creatures", Kind)


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
