"""What players of an economy do beside trading: quests for the people of the field, and groups."""

from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

from gameserver.declare.entity import Entity
from gameserver.maps.objects import Placed
from gameserver.modules.groups.entities import Group, Invitation, Member
from gameserver.modules.groups.rules import MEMBERS_MAX
from gameserver.modules.items.entities import Item
from gameserver.modules.quests.entities import Journal
from gameserver.modules.quests.maps import Person
from gameserver.modules.quests.progress import day_of, done, undertaken
from gameserver.modules.quests.quest_kinds import QUESTS
from gameserver.testing.effect_log import Entry

PEOPLE = ("reeve", "wenna", "ann", "silas", "joan", "pip")
OBJECTS = tuple(Placed(f"field.{name}.{n}", 4, 3, Person(name)) for n, name in enumerate(PEOPLE, 30))
EASY = ("fresh_fish", "wood_for_the_winter", "fresh_fish", "meet_the_town")
EASE = 0.75
FISH = 8  # what the daily quest asks for, of each player
ODDS = 0.5  # how likely one has an adventure, of what a trader does
# What their rules say no with.
CODES = frozenset(
    {
        "already_accepted",
        "done_already",
        "group_changed",
        "group_full",
        "in_a_group",
        "no_group",
        "no_invitation",
        "no_such_person",
        "no_such_quest",
        "not_accepted",
        "not_in_group",
        "not_lead",
        "not_offered",
        "person_elsewhere",
        "too_many_quests",
        "unfinished",
    }
)


def furnish(names: list[str]) -> list[Entity]:
    """What players have for the people of the field."""
    return [Item(id=f"{name}'s fish", kind="fish", count=FISH, holder=name) for name in names]


class Adventurer:
    """Chooses what a player does next, of what ``store`` holds."""

    def __init__(self, rng: Random, store: Any, name: str, others: list[str]) -> None:
        self._rng = rng
        self._store = store
        self._name = name
        self._others = others
        self._deeds: list[Callable[[], dict[str, Any]]] = [
            lambda: {"type": "quests"},
            *(self._accept,) * 3,
            *(self._turn_in,) * 6,
            lambda: {"type": "abandonquest", "quest": self._mine()},
            *(lambda: {"type": "talkto", "person": self._rng.choice((*PEOPLE, "nobody"))},) * 2,
            *self._company(),
        ]

    def _company(self) -> tuple[Callable[[], dict[str, Any]], ...]:
        return (
            *(lambda: {"type": "invite", "to": self._other()},) * 2,
            *(self._join,) * 3,
            lambda: {"type": "leavegroup"},
            lambda: {"type": "kick", "who": self._other()},
            lambda: {"type": "passlead", "to": self._other()},
            lambda: {"type": "group"},
        )

    def gather(self) -> tuple[str, dict[str, Any]]:
        """What somebody does about its group who travels in one."""
        fields = self._rng.choice(self._company())()
        return fields.pop("type"), fields

    def choose(self) -> tuple[str, dict[str, Any]]:
        """The next event and its fields."""
        fields = self._rng.choice(self._deeds)()
        return fields.pop("type"), fields

    def _other(self) -> str:
        return self._rng.choice(self._others)

    def _mine(self) -> str:
        journal = self._store.things[Journal].get(self._name)
        return self._rng.choice([*(undertaken(journal) if journal else ()), "no such quest"])

    def _accept(self) -> dict[str, Any]:
        """As a rule, what can be done with what players have here."""
        near = [quest.name for quest in QUESTS.values() if quest.giver in PEOPLE]
        names = EASY if self._rng.random() < EASE else (*near, "no such quest")
        return {"type": "acceptquest", "quest": self._rng.choice(names)}

    def _turn_in(self) -> dict[str, Any]:
        """As a rule, what one has; or once more what one has had."""
        if self._rng.random() < EASE:
            return {"type": "turnin", "quest": self._mine()}
        return {"type": "turnin", "quest": self._rng.choice([*QUESTS])}

    def _join(self) -> dict[str, Any]:
        asked = self._store.things[Invitation].get(self._name)
        return {"type": "acceptinvite", "by": asked.by if asked else self._other()}


def overpaid(entries: Iterable[Entry], journals: Iterable[Journal], first_ms: int, last_ms: int) -> Iterator[str]:
    """Find quests that were paid without being done by that, or done more often than they may be."""
    done_of = {journal.id: done(journal) for journal in journals}
    paid = {entry.id for entry in entries if entry.task == "quests.turnin"}
    times = sum(n for of_one in done_of.values() for n, _ in of_one.values())
    if len(paid) != times:
        yield f"quests were paid {len(paid)} times, and done {times} times"
    days = day_of(last_ms) - day_of(first_ms) + 1
    for player, of_one in done_of.items():
        for name, (n, _) in of_one.items():
            if n > (days if QUESTS[name].daily else 1):
                yield f"{player} has done {name} {n} times in {days} days"


def scattered(groups: Iterable[Group], members: Iterable[Member]) -> Iterator[str]:
    """Find groups that are none, and members of groups that do not know of them."""
    known = {group.id: group.players for group in groups}
    listed = {(player, id_) for id_, players in known.items() for player in players}
    said = {(member.id, member.in_group) for member in members}
    yield from (f"{player} is in group {id_} for the one and not for the other" for player, id_ in listed ^ said)
    for id_, players in known.items():
        if not 2 <= len(set(players)) == len(players) <= MEMBERS_MAX:
            yield f"group {id_} has the members {players}"
