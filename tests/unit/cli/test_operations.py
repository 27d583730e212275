"""How long ``status`` and ``advise`` look: shortly, and longer where somebody is slow to answer."""

from typing import Any

from gameserver.cli.operations import QUICK_S, _two
from gameserver.operations.inspector import ANSWER_S
from gameserver.operations.snapshot import Snapshot
from tests.unit.operations.moments import everyone, moment


class Taken:
    """Gives snapshots, and remembers how they were asked for."""

    def __init__(self, *given: Snapshot) -> None:
        self._given = list(given)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, **how: Any) -> Snapshot:
        self.asked.append(how)
        return self._given.pop(0)


def test_a_short_look_is_enough_where_all_answered_and_the_second_waits_for_those() -> None:
    take = Taken(moment(0), moment(1))
    assert [each.at_s for each in _two(take, QUICK_S)] == [0, 1]
    assert take.asked == [{"quiet_s": QUICK_S}, {"expected": moment().names}]


def test_who_is_silent_gets_the_whole_time() -> None:
    take = Taken(moment(0, workers=everyone()[1:]), moment(1), moment(2))
    assert [each.at_s for each in _two(take, QUICK_S)] == [1, 2]
    assert take.asked == [{"quiet_s": QUICK_S}, {}, {"expected": moment().names}]


def test_a_patient_look_is_not_repeated() -> None:
    take = Taken(moment(0, workers=()), moment(1))
    _two(take, ANSWER_S)
    assert len(take.asked) == 2
