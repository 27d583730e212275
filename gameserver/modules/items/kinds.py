"""The kinds of things that the game has, and what creatures drop: the data files "items" and "drops"."""

from typing import Annotated

import msgspec

from gameserver.game import Record, misnamed, records
from gameserver.modules.combat.creature_kinds import KINDS as CREATURES
from gameserver.modules.combat.effects import EFFECTS, PERMILLE
from gameserver.modules.combat.elements import ELEMENTS, Percent, faults_of
from gameserver.modules.combat.rules import SWEEPS_MAX

SLOTS = ("hand", "body", "head", "feet", "finger")
STACK_MAX = 999
DROPS_MAX = 4  # things that one creature drops at most

Points = Annotated[int, msgspec.Meta(ge=0, le=100)]
Count = Annotated[int, msgspec.Meta(ge=1, le=STACK_MAX)]


class Kind(Record, frozen=True, kw_only=True):
    """A kind of thing.

    ``stack``: how many lie in a stack at most; 1 for what does not stack. ``slot``: where it is worn, "" for nowhere;
    ``attack`` and ``defence``: what it adds to those of its wearer; ``uses``: how many blows it strikes, or how often
    it is used, 0 for ever. ``reach`` of a weapon in tiles (0 for that of a hand) and the radius that it ``sweeps``;
    ``element`` of its blows, and an effect that they leave, ``inflicts``, so often of 1,000 times; ``resists``:
    percents that armour keeps off, by element. ``heals``: health that it gives when it is used up; ``gives``: an
    effect; ``cures``: an element whose effects end then. ``holds``: how many things a container holds. ``price``:
    what it is worth, in coins.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    text: Annotated[str, msgspec.Meta(max_length=200)] = ""
    stack: Count = 1
    slot: str = ""
    attack: Points = 0
    defence: Points = 0
    uses: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    reach: Annotated[int, msgspec.Meta(ge=0, le=8)] = 0
    sweeps: Annotated[int, msgspec.Meta(ge=0, le=SWEEPS_MAX)] = 0
    element: str = ""
    inflicts: str = ""
    inflicts_permille: Annotated[int, msgspec.Meta(ge=0, le=PERMILLE)] = 0
    resists: dict[str, Percent] = {}
    heals: Points = 0
    gives: str = ""
    cures: str = ""
    holds: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    price: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0

    @property
    def stacks(self) -> bool:
        """Whether many of it are one thing."""
        return self.stack > 1

    def problem(self) -> str:
        """What contradicts itself."""
        return next((sentence for sentence, true in self._faults().items() if true), "")

    def _faults(self) -> dict[str, bool]:
        return {
            f"slot: there is no slot {self.slot!r}, expected one of {', '.join(SLOTS)}": self.slot not in ("", *SLOTS),
            "stack: what is worn or holds things does not stack": self.stacks and bool(self.slot or self.holds),
            "uses: a stack is used up one by one": self.stacks and self.uses > 0,
            "uses: what holds things does not wear out, or what is in it would be lost": bool(self.uses and self.holds),
            "holds: what is used up would lose what is in it": bool(self.holds) and self.is_used,
            "uses: only what strikes, or is used up, wears out": self.uses > 0 and not self._wears_out(),
            "attack: what is worn nowhere strengthens nobody": self._fights() and not self.slot,
            "reach: only what is in the hand strikes": self._strikes() and self.slot != "hand",
            f"inflicts: there is no effect {self.inflicts!r}": self.inflicts not in ("", *EFFECTS),
            f"gives: there is no effect {self.gives!r}": self.gives not in ("", *EFFECTS),
            f"cures: there is no element {self.cures!r}": self.cures not in ELEMENTS,
            **faults_of(self.element, self.resists),
        }

    def _fights(self) -> bool:
        return bool(self.attack or self.defence or self.resists)

    def _wears_out(self) -> bool:
        return self.slot == "hand" or self.is_used

    def _strikes(self) -> bool:
        return bool(self.reach or self.sweeps or self.element or self.inflicts)

    @property
    def is_used(self) -> bool:
        """Whether it does something when it is used up."""
        return bool(self.heals or self.gives or self.cures)


class Drop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a creature may leave behind. ``permille``: how often of 1,000 times; ``least`` to ``most`` of it."""

    item: str
    permille: Annotated[int, msgspec.Meta(ge=1, le=PERMILLE)]
    least: Count = 1
    most: Count = 1


class Drops(Record, frozen=True, kw_only=True):
    """What creatures of a kind leave behind; its name is that of their kind."""

    drops: Annotated[list[Drop], msgspec.Meta(max_length=DROPS_MAX)]


KINDS: dict[str, Kind] = records("items", Kind)
DROPS: dict[str, Drops] = records("drops", Drops)


def kind_of(name: str) -> Kind:
    """A kind; of one that is gone (another version has it, or had it) something of no use."""
    return KINDS.get(name) or Kind(name=name, title=name.capitalize()[:40] or "Something")


def check_named(file: str, record: Record, field: str, kind: str) -> None:
    """Raise ``Corrupt`` ``bad_world`` where a record of a data file names a kind of thing that there is not."""
    if kind not in KINDS:
        misnamed(file, record, f"{field}: there is no item {kind!r}")


def check_drops(drops: Drops) -> None:
    """Raise ``Corrupt`` ``bad_world`` where a drop table names what is not there."""
    if drops.name not in CREATURES:
        misnamed("drops", drops, f"name: there is no creature {drops.name!r}")
    for drop in drops.drops:
        check_named("drops", drops, "drops.item", drop.item)
        if drop.least > drop.most or drop.most > KINDS[drop.item].stack:
            misnamed("drops", drops, f"drops.most: {drop.item} is dropped as {drop.least} to {KINDS[drop.item].stack}")


for _drops in DROPS.values():
    check_drops(_drops)
