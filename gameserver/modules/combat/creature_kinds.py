"""The kinds of creatures that the game has, read from its data file ``creatures``."""

import re
from itertools import pairwise
from typing import Annotated

import msgspec

from gameserver.game import Record, misnamed, records
from gameserver.modules.combat.effects import EFFECTS, PERMILLE
from gameserver.modules.combat.elements import Percent, faults_of

NAME = "[a-z][a-z0-9_]*"  # it becomes part of creatures' ids, in which a dot separates


PHASES_MAX = 4
SUMMONED_MAX = 8  # by one creature at once
Tiles = Annotated[int, msgspec.Meta(ge=0, le=64)]
Share = Annotated[int, msgspec.Meta(ge=0, le=100)]  # percent


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes of a creature once its health falls below a share of what it had.

    ``summons``: kinds that come, and how many; ``blow``: the attack of one blow that strikes all within ``radius``;
    ``faster``: percent of the time that it needed between two deeds; ``says``: what is heard.
    """

    below: Annotated[int, msgspec.Meta(ge=1, le=99)]
    summons: dict[str, Annotated[int, msgspec.Meta(ge=1, le=SUMMONED_MAX)]] = {}
    blow: Annotated[int, msgspec.Meta(ge=0, le=200)] = 0
    radius: Tiles = 0
    faster: Annotated[int, msgspec.Meta(ge=20, le=100)] = 100
    says: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Kind(Record, frozen=True):
    """One kind of creature; ``reach``, ``sight`` and the like are in tiles, ``xp`` is shared by who killed it.

    An ``aggressive`` kind attacks whom it sees; any other only strikes back. It returns ``respawn_s`` to
    ``respawn_most_s`` after its death (0 for the first of both).

    ``element``: of its blows; ``resists``: percents, by element; ``inflicts``: an effect that its blow leaves, so often
    of 1,000 times; ``sweeps``: its blows strike all within so many tiles. ``flees_below``: the percent of its health
    below which it flees, 100 for always; ``calls``: how far its kin hear it, those of its ``clan`` ("": its own kind);
    ``leash``: how far from home it chases. ``tameable``: whether a player may make it a companion.
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
    level: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    respawn_most_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    element: str = ""
    resists: dict[str, Percent] = {}
    inflicts: str = ""
    inflicts_permille: Annotated[int, msgspec.Meta(ge=0, le=PERMILLE)] = 0
    sweeps: Tiles = 0
    flees_below: Share = 0
    calls: Tiles = 0
    clan: str = ""
    leash: Tiles = 16
    tameable: bool = False
    phases: Annotated[list[Phase], msgspec.Meta(max_length=PHASES_MAX)] = []

    @property
    def kin(self) -> str:
        """Whose calls it hears."""
        return self.clan or self.name

    def problem(self) -> str:
        """What contradicts itself."""
        return next((sentence for sentence, true in self._faults().items() if true), "")

    def _faults(self) -> dict[str, bool]:
        return {
            f"name: it must match {NAME}": not re.fullmatch(NAME, self.name),
            "respawn_most_s: it is less than respawn_s": 0 < self.respawn_most_s < self.respawn_s,
            "phases: each is below the one before": any(b.below >= a.below for a, b in pairwise(self.phases)),
            "phases.summons: too many at once": sum(n for p in self.phases for n in p.summons.values()) > SUMMONED_MAX,
            **faults_of(self.element, self.resists),
        }


KINDS: dict[str, Kind] = records("creatures", Kind)


def check_kind(kind: Kind) -> None:
    """Raise ``Corrupt`` ``bad_world`` where a kind names what is not there."""
    if kind.inflicts and kind.inflicts not in EFFECTS:
        misnamed("creatures", kind, f"inflicts: there is no effect {kind.inflicts!r}")
    for name in (name for phase in kind.phases for name in phase.summons):
        if name not in KINDS:
            misnamed("creatures", kind, f"phases.summons: there is no creature {name!r}")


for _kind in KINDS.values():
    check_kind(_kind)


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
