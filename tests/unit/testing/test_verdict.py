"""The verdict of chaos on any game: a story without fault passes, and each contradiction is called by its name."""

from collections.abc import Callable

import pytest

from gameserver.testing.chaos.records import Action, Diary
from gameserver.testing.chaos.verdict import (
    DISORDER,
    DONE,
    DOUBLED,
    HARM,
    NOT_DONE,
    SESSION_LOST,
    UNANSWERED,
    by_kind,
    told_and_done,
)
from gameserver.testing.effect_log import Entry


class Story:
    """Two gifts that were done, one that was refused, and a step: without fault, until somebody changes it."""

    def __init__(self) -> None:
        ended = (("give", "ok", ""), ("give", "ok", ""), ("give", "refused", "too_few_coins"), ("move", "ok", ""))
        self.actions = [
            Action("ada", event, {}, 0.0, end, code, 1.0, id=f"s:{seq}")
            for seq, (event, end, code) in enumerate(ended, start=1)
        ]
        self.entries = [Entry("s:1", "trade.give", 10, "s/trade", 1), Entry("s:2", "trade.give", 20, "s/trade", 2)]
        self.diary = Diary(actions=self.actions)

    @property
    def found(self) -> dict[str, int]:
        found = by_kind(told_and_done(self.diary, self.entries))
        return {kind: count for kind, count in found.items() if count}


def refused(action: Action, code: str) -> None:
    action.end, action.code = "refused", code


WRONG: dict[str, tuple[str, Callable[[Story], object]]] = {
    "an event without an answer": (UNANSWERED, lambda s: setattr(s.actions[0], "end", "lost")),
    "a yes to what was never done": (NOT_DONE, lambda s: s.entries.pop()),
    "a no to what was done": (DONE, lambda s: refused(s.actions[0], "too_few_coins")),
    "an event that was done twice": (DOUBLED, lambda s: s.entries.append(s.entries[0])),
    "events in another order": (DISORDER, lambda s: s.entries.append(Entry("s:0", "trade.give", 30, "s/trade", 0))),
    "a session that was lost": (SESSION_LOST, lambda s: s.diary.sessions_lost.append("ada")),
    "a rule that failed": (HARM, lambda s: refused(s.actions[2], "dead_lettered")),
}


def test_a_story_without_fault_passes() -> None:
    assert Story().found == {}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_called_by_its_name(what: str) -> None:
    kind, change = WRONG[what]
    story = Story()
    change(story)
    assert kind in story.found, story.found


@pytest.mark.parametrize("code", ["in_doubt", "outcome_unknown"])
def test_what_is_in_doubt_may_have_been_done(code: str) -> None:
    story = Story()
    refused(story.actions[0], code)
    assert story.found == {}
