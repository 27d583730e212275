"""The checker itself: a story without fault passes, and each kind of contradiction is found and called by its name."""

from collections import Counter
from collections.abc import Callable

import pytest

from gameserver.testing.chaos.verdict import (
    DISORDER,
    DONE,
    DOUBLED,
    HARM,
    KINDS,
    NOT_DONE,
    POISON,
    SESSION_LOST,
    SUM,
    UNANSWERED,
    by_kind,
)
from tests.chaos.checker import harmed, verdict
from tests.chaos.records import Action, Diary


class Story:
    """What two players did and heard, and what is kept: without fault, until somebody changes it."""

    def __init__(self) -> None:
        self.diary = Diary(heard={"ada": [], "bob": ["hello", "bye"]}, received={"ada": [], "bob": [10, 20]})
        self.gifts = [self._act("give", {"to": "bob", "coins": n}, data=left) for n, left in ((10, 90), (20, 70))]
        self.refused = self._act("give", {"to": "nobody", "coins": 30}, "refused", "no_such_player")
        self.whispers = [self._act("whisper", {"to": "bob", "text": text}) for text in ("hello", "bye")]
        self.talk = self._act("talk", {"channel": "all", "text": "a line"})
        self.purses = {"ada": 70, "bob": 130}
        self.lines = Counter({"a line": 1})

    def _act(
        self, event: str, fields: dict[str, object], end: str = "ok", code: str = "", data: object = None
    ) -> Action:
        action = Action("ada", event, fields, 0.0, end, code, 1.0, data)
        self.diary.actions.append(action)
        return action

    @property
    def found(self) -> dict[str, int]:
        """The contradictions that are found, by kind."""
        found = by_kind([*verdict(self.diary, self.purses, self.lines), *harmed(self.diary)])
        return {kind: count for kind, count in found.items() if count}


def no(action: Action, code: str = "unavailable") -> None:
    """The action was refused after all."""
    action.end, action.code = "refused", code


def poisoned(story: Story) -> None:
    story.whispers[0].fields["text"] = story.diary.heard["bob"][0] = "poison rule"


def refused_and_given(story: Story) -> None:
    no(story.gifts[1])


def swapped(story: Story) -> None:
    story.gifts[0].data, story.gifts[1].data = 70, 80


WRONG: dict[str, tuple[str, Callable[[Story], object]]] = {
    "a gift without an answer": (UNANSWERED, lambda s: setattr(s.gifts[0], "end", "lost")),
    "a gift that came to nobody": (NOT_DONE, lambda s: s.diary.received["bob"].remove(10)),
    "a whisper that nobody heard": (NOT_DONE, lambda s: s.diary.heard["bob"].remove("bye")),
    "a gift that was refused and given": (DONE, refused_and_given),
    "a whisper that was refused and heard": (DONE, lambda s: no(s.whispers[0])),
    "a line that was refused and kept": (DONE, lambda s: no(s.talk)),
    "a gift that came twice": (DOUBLED, lambda s: s.diary.received["bob"].append(10)),
    "a whisper that was heard twice": (DOUBLED, lambda s: s.diary.heard["bob"].append("bye")),
    "a line that is kept twice": (DOUBLED, lambda s: s.lines.update(["a line"])),
    "gifts in another order": (DISORDER, swapped),
    "a session that was lost": (SESSION_LOST, lambda s: s.diary.sessions_lost.append("ada")),
    "coins from nowhere": (SUM, lambda s: s.purses.update(bob=131)),
    "a line that was not kept": (SUM, lambda s: s.lines.clear()),
    "poison that did no harm": (POISON, poisoned),
    "an innocent dead letter": (HARM, lambda s: no(s.gifts[0], "dead_lettered")),
    "a newcomer who could not enter": (HARM, lambda s: s.diary.locked_out.append("eve")),
    "a player taken out of the world": (HARM, lambda s: no(s.refused, "not_here")),
}


def test_what_is_in_doubt_may_have_been_done_or_not() -> None:
    story = Story()
    done, not_done = story._act("tip", {"to": "bob", "coins": 5}), story._act("tip", {"to": "bob", "coins": 7})
    for action in (done, not_done):
        no(action, "in_doubt")
    story.diary.received["bob"].append(5)
    story.purses = {"ada": 65, "bob": 135}
    assert story.found == {}


def test_a_story_without_fault_passes() -> None:
    assert Story().found == {}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_called_by_its_name(what: str) -> None:
    kind, change = WRONG[what]
    story = Story()
    change(story)
    assert kind in story.found, story.found


def test_every_kind_is_found_by_one_of_these() -> None:
    assert {kind for kind, _ in WRONG.values()} == set(KINDS)
