import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.declare.base import SEQ_MAX
from gameserver.errors import Corrupt
from gameserver.rules.watermarks import NO_MARKS, START, Watermark, highest, read_watermarks, write_watermarks

NUMBERS = st.integers(0, SEQ_MAX)


@given(marks=st.dictionaries(st.sampled_from(["act", "talk", "trade"]), st.builds(Watermark, NUMBERS, NUMBERS)))
def test_marks_are_read_as_they_were_written(marks: dict[str, Watermark]) -> None:
    assert read_watermarks(write_watermarks(marks)) == marks
    assert highest(write_watermarks(marks)) == max([0, *(mark.seq for mark in marks.values())])


def test_marks_are_short() -> None:
    assert write_watermarks({"act": Watermark(17, 2), "talk": Watermark(3, 0)}) == '{"act":[17,2],"talk":[3,0]}'


@pytest.mark.parametrize("text", ["", "{", "7", '{"act":7}', '{"act":["x",0]}'])
def test_what_are_no_marks_is_not_taken_for_none(text: str) -> None:
    with pytest.raises(Corrupt, match="bad_marks"):
        read_watermarks(text)


@pytest.mark.parametrize("marks", [{}, {"act": START}])
def test_a_session_that_begins_has_applied_nothing(marks: dict[str, Watermark]) -> None:
    assert highest(write_watermarks(marks)) == highest(NO_MARKS) == 0
