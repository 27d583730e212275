"""The people and the quests that the game has: the data files "people" and "quests"."""

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import msgspec

from gameserver.game import Record, misnamed, records
from gameserver.modules.combat.creature_kinds import KINDS as CREATURES
from gameserver.modules.items.kinds import KINDS, STACK_MAX, check_named

GOALS_MAX = 4
REWARDS_MAX = 4  # kinds of things that a quest pays
WORDS_MAX = 20

Title = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Saying = Annotated[str, msgspec.Meta(max_length=400)]
Count = Annotated[int, msgspec.Meta(ge=1, le=STACK_MAX)]
Deed = Literal["bring", "kill", "talk", "visit"]


class Person(Record, frozen=True, kw_only=True):
    """Somebody who lives in the world. ``text``: a greeting; ``words``: what is said to who speaks of something."""

    title: Title
    text: Saying = ""
    words: Annotated[dict[str, Saying], msgspec.Meta(max_length=WORDS_MAX)] = {}


class Goal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done: ``bring`` so many of a kind of thing, and give them up; ``kill`` so many creatures of a kind.

    ``talk`` to a person, with these ``words`` in what one says if there are any, and is answered ``says``; ``visit`` a
    zone, or a landmark of the maps. ``title``: what it is called in the journal, where that is not said by the rest.
    """

    do: Deed
    what: str
    count: Count = 1
    words: Title | Literal[""] = ""
    says: Saying = ""
    title: Title | Literal[""] = ""


class Quest(Record, frozen=True, kw_only=True):
    """A quest. ``giver``: the person who has it to give; ``taker``: whom one goes back to, "" for the same one.

    ``after``: quests that must be done before; ``daily``: it may be done once on each day, others once. ``coins``,
    ``xp`` and ``items`` (how many of each kind) is what it pays.
    """

    title: Title
    text: Saying
    giver: str
    taker: str = ""
    goals: Annotated[tuple[Goal, ...], msgspec.Meta(min_length=1, max_length=GOALS_MAX)]
    after: tuple[str, ...] = ()
    daily: bool = False
    coins: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    xp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    items: Annotated[dict[str, Count], msgspec.Meta(max_length=REWARDS_MAX)] = {}
    thanks: Saying = ""

    @property
    def taken_by(self) -> str:
        """The person to whom one goes back."""
        return self.taker or self.giver

    @property
    def brings(self) -> dict[str, int]:
        """How many things of each kind are given up."""
        return {goal.what: goal.count for goal in self.goals if goal.do == "bring"}

    def problem(self) -> str:
        """What contradicts itself."""
        return next((sentence for sentence, true in self._faults().items() if true), "")

    def _faults(self) -> dict[str, bool]:
        named = [(goal.do, goal.what, goal.words) for goal in self.goals]
        return {
            "goals: two of them are the same": len(set(named)) < len(named),
            "goals.what: a kind of thing is brought twice": len(self.brings) < sum(g.do == "bring" for g in self.goals),
            "goals.words: only who is talked to hears words": any(g.words and g.do != "talk" for g in self.goals),
            "goals.count: one talks or visits once": any(g.count > 1 and g.do in ("talk", "visit") for g in self.goals),
            "after: it can't come after itself": self.name in self.after,
            "it pays nothing": not (self.coins or self.xp or self.items),
        }


PEOPLE: dict[str, Person] = records("people", Person)
QUESTS: dict[str, Quest] = records("quests", Quest)


def check_quest(quest: Quest, quests: dict[str, Quest]) -> None:
    """Raise ``Corrupt`` ``bad_world`` where a quest names what is not there."""
    for field, person in (("giver", quest.giver), ("taker", quest.taken_by)):
        _check_person(quest, field, person)
    for goal in quest.goals:
        _CHECKS[goal.do](quest, goal.what)
    for kind, count in quest.items.items():
        check_named("quests", quest, "items", kind)
        if count > KINDS[kind].stack:
            misnamed("quests", quest, f"items: {kind} is paid as 1 to {KINDS[kind].stack}")
    if wrong := next(_wrong_before(quest, quests), ""):
        misnamed("quests", quest, f"after: {wrong}")


def _wrong_before(quest: Quest, quests: dict[str, Quest]) -> Iterator[str]:
    """Find quests that are not there, and circles, among those that must be done before."""
    seen, frontier = set[str](), list(quest.after)
    while frontier:
        name = frontier.pop()
        if name not in quests:
            yield f"there is no quest {name!r}"
        elif name == quest.name:
            yield "nobody can begin: it waits for itself"
        elif name not in seen:
            seen.add(name)
            frontier += quests[name].after


def _check_person(quest: Quest, field: str, person: str) -> None:
    if person not in PEOPLE:
        misnamed("quests", quest, f"{field}: there is nobody called {person!r}")


def _check_thing(quest: Quest, kind: str) -> None:
    check_named("quests", quest, "goals.what", kind)
    if KINDS[kind].holds:
        misnamed("quests", quest, f"goals.what: {kind} holds things, which would be lost")


def _check_creature(quest: Quest, kind: str) -> None:
    if kind not in CREATURES:
        misnamed("quests", quest, f"goals.what: there is no creature {kind!r}")


_CHECKS: dict[Deed, Callable[[Quest, str], None]] = {
    "bring": _check_thing,
    "kill": _check_creature,
    "talk": lambda quest, person: _check_person(quest, "goals.what", person),
    "visit": lambda quest, place: None,  # zones and landmarks are known when maps are read
}

for _quest in QUESTS.values():
    check_quest(_quest, QUESTS)
