"""A data file that is wrong is refused with file, record and field before anything starts."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from gameserver.errors import Corrupt
from gameserver.maps.data_files import Record, read_records


class Spoon(Record, frozen=True, kw_only=True):
    """A spoon."""

    length: Annotated[int, msgspec.Meta(ge=1)]
    shape: str = "round"

    def problem(self) -> str:
        return "" if self.shape == "round" else f"shape: a spoon is not {self.shape}"


WRONG = {
    '[{"name": "a"}]': "a: Object missing required field `length`.",
    '[{"name": "a", "length": "x"}]': "a: Expected `int`, got `str` - at `$.length`.",
    '[{"name": "a", "length": 0}]': "a: Expected `int` >= 1 - at `$.length`.",
    '[{"name": "a", "length": 9223372036854775808, "shape": 1}]': "a: Expected `str`, got `int` - at `$.shape`.",
    '[{"name": "a", "length": 1, "colour": "red"}]': "a: Object contains unknown field `colour`.",
    '[{"name": "a", "length": 1, "shape": "flat"}]': "a: shape: a spoon is not flat.",
    '[{"length": 1}]': "record 0: Object missing required field `name`.",
    '[{"name": "a", "length": 1}, {"name": "a", "length": 2}]': "two records have the name 'a'.",
    "[7]": "record 0: Expected `object`, got `int`.",
    '{"name": "a"}': "Expected `array`, got `object`.",
    "[": "Input data was truncated.",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "spoons.json"
    file.write_text(text)
    with pytest.raises(Corrupt, match=rf"^bad_world: {re.escape(str(file))}(:1)?: {re.escape(WRONG[text])}$"):
        read_records(file, Spoon)


def test_a_record_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "spoons.json"
    file.write_text('[\n  {"name": "a,\\n", "length": 1},\n\n  {"name": "b"}\n]')
    with pytest.raises(Corrupt, match=rf"{re.escape(str(file))}:4: b: Object missing"):
        read_records(file, Spoon)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match=r"spoons\.json: can't be read \(No such file or directory\)\."):
        read_records(tmp_path / "spoons.json", Spoon)


def test_records_by_name(tmp_path: Path) -> None:
    file = tmp_path / "spoons.json"
    file.write_text('[{"name": "a", "length": 3}, {"name": "b", "length": 4}]')
    assert read_records(file, Spoon) == {"a": Spoon(name="a", length=3), "b": Spoon(name="b", length=4)}
