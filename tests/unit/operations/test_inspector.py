"""When a question to all is answered: those who are expected end the wait, nobody else does."""

import pytest

from gameserver.operations.inspector import _Answers, _Enough


def test_a_question_ends_with_the_last_of_those_who_are_expected() -> None:
    answers = _Answers(frozenset({"one@h", "two@h"}))
    answers.add_worker({"one@h": "metrics"})
    answers.add_worker({"three@h": "metrics"})
    with pytest.raises(_Enough):
        answers.add_worker({"two@h": "metrics"})
    assert answers.workers == dict.fromkeys(("one@h", "two@h", "three@h"), "metrics")


def test_a_question_to_nobody_known_never_ends_by_itself() -> None:
    answers = _Answers(frozenset())
    answers.add_worker({"one@h": "metrics"})
    assert answers.workers == {"one@h": "metrics"}


def test_what_is_no_text_is_no_answer() -> None:
    answers = _Answers(frozenset({"one@h"}))
    answers.add_worker({"one@h": {"error": "unknown command"}})
    assert answers.workers == {}
