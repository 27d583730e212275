"""How far quests are: pure functions of a journal. A quest that the data file has not any more is kept as it is."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from gameserver.modules.combat.creature_kinds import kind_of as creature_of
from gameserver.modules.items.kinds import kind_of
from gameserver.modules.quests.entities import Journal
from gameserver.modules.quests.quest_kinds import PEOPLE, QUESTS, Deed, Goal, Quest

DAY_MS = 86_400_000

Counts = dict[str, list[int]]


class Step(NamedTuple):
    """A goal that went on: of which quest, which of its goals, and how far it is now."""

    quest: Quest
    goal: Goal
    reached: int


def undertaken(journal: Journal) -> Counts:
    """How far each goal is, by quest. Of things to be brought nothing is counted: they are carried or not."""
    return msgspec.json.decode(journal.undertaken, type=Counts)


def done(journal: Journal) -> dict[str, tuple[int, int]]:
    """How often each quest was done, and on which day last."""
    return msgspec.json.decode(journal.done, type=dict[str, tuple[int, int]])


def counts_of(journal: Journal, quest: Quest) -> list[int]:
    """How far each goal of a quest is, in the order of its goals today."""
    counts = undertaken(journal).get(quest.name, [])
    return [*counts, *(0 for _ in quest.goals)][: len(quest.goals)]


def with_undertaken(journal: Journal, counts: Counts) -> Journal:
    """The journal with these quests under way."""
    return replace(journal, undertaken=msgspec.json.encode(counts).decode())


def accepted(journal: Journal, quest: Quest) -> Journal:
    """The journal with a quest begun."""
    return with_undertaken(journal, undertaken(journal) | {quest.name: [0] * len(quest.goals)})


def abandoned(journal: Journal, quest: str) -> Journal:
    """The journal without a quest."""
    return with_undertaken(journal, {name: counts for name, counts in undertaken(journal).items() if name != quest})


def finished(journal: Journal, quest: Quest, now_ms: int) -> Journal:
    """The journal with a quest done. Its day never goes back: another process's clock may have been ahead."""
    before = done(journal)
    times, day = before.get(quest.name, (0, 0))
    after = before | {quest.name: (times + 1, max(day, day_of(now_ms)))}
    return replace(abandoned(journal, quest.name), done=msgspec.json.encode(after).decode())


def day_of(now_ms: int) -> int:
    """The day of the server's clock, counted from 1970."""
    return now_ms // DAY_MS


def is_over(journal: Journal, quest: Quest, now_ms: int) -> bool:
    """Whether a quest can't be done again, or (a daily one) not today.

    A day that lies ahead was written under a clock that was ahead of this one: of both the later counts, so that nobody
    is paid twice for one day.
    """
    times, day = done(journal).get(quest.name, (0, 0))
    return times > 0 and (not quest.daily or day_of(now_ms) <= day)


def is_open(journal: Journal, quest: Quest, now_ms: int) -> bool:
    """Whether a quest can be accepted."""
    before = done(journal)
    waits = quest.name in undertaken(journal) or is_over(journal, quest, now_ms)
    return not waits and all(name in before for name in quest.after)


def lacking(journal: Journal, quest: Quest) -> list[Goal]:
    """The goals that are not reached yet, those left out that are a matter of things."""
    counted = zip(quest.goals, counts_of(journal, quest), strict=True)
    return [goal for goal, count in counted if goal.do != "bring" and count < goal.count]


def advanced(journal: Journal, do: Deed, what: str, words: str = "") -> tuple[Journal, list[Step]]:
    """The journal after a deed, and which goals went on by it."""
    open_, steps = undertaken(journal), list[Step]()
    for quest in (QUESTS[name] for name in open_ if name in QUESTS):
        counts = counts_of(journal, quest)
        for n, goal in enumerate(quest.goals):
            if _is_meant(goal, do, what, words) and counts[n] < goal.count:
                counts[n] += 1
                steps.append(Step(quest, goal, counts[n]))
        open_[quest.name] = counts
    return (with_undertaken(journal, open_), steps) if steps else (journal, steps)


def _is_meant(goal: Goal, do: Deed, what: str, words: str) -> bool:
    return (goal.do, goal.what) == (do, what) and goal.words.casefold() in words.casefold()


def wanted(journal: Journal, kind: str) -> list[tuple[Quest, Goal]]:
    """The goals of quests under way for which things of a kind are to be brought."""
    open_ = (QUESTS[name] for name in undertaken(journal) if name in QUESTS)
    return [(quest, goal) for quest in open_ for goal in quest.goals if (goal.do, goal.what) == ("bring", kind)]


def title_of(goal: Goal) -> str:
    """What a goal is called."""
    return goal.title or _TITLES[goal.do](goal.what)


_TITLES: dict[Deed, Callable[[str], str]] = {
    "bring": lambda kind: f"Bring {kind_of(kind).title}",
    "kill": lambda kind: f"Slay {creature_of(kind).title}",
    "talk": lambda person: f"Talk to {PEOPLE[person].title}",
    "visit": lambda place: f"Go to {place}",
}
