"""What is generated is current, and what makes it says what it did."""

import shutil
from pathlib import Path

import pytest

from docs.refresh import PARTS, PROTOCOL, ROOT, Part, between, refresh, refreshed

FILES = sorted({part.file for part in PARTS})
STALE = "this is behind the code: run `python docs/refresh.py`"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    refresh(tmp_path)
    return tmp_path


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.name} of {part.file}")
def test_every_generated_part_is_current(part: Part) -> None:
    assert between((ROOT / part.file).read_text(), part.name) == part.make(), STALE


def test_it_is_said_of_each_file_that_it_was_current(copy: Path) -> None:
    assert sorted(refresh(copy)) == [f"{file} was current." for file in FILES]


def test_it_is_said_of_a_file_what_was_written_and_nothing_else_is_touched(copy: Path) -> None:
    current = {file: (copy / file).read_text() for file in FILES}
    for part in PARTS:
        text = (copy / part.file).read_text()
        (copy / part.file).write_text(text.replace(part.make(), "an older text"))
    said = refresh(copy)
    assert f"{PROTOCOL} was behind: events and states written anew." in said
    assert "docker/prometheus/rules.yml was behind: age written anew." in said
    assert {file: (copy / file).read_text() for file in FILES} == current
    assert sorted(refresh(copy)) == [f"{file} was current." for file in FILES]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.name} of {part.file}")
def test_a_marker_that_is_missing_is_named(part: Part) -> None:
    text = (ROOT / part.file).read_text().replace(f"end of {part.name}", "")
    with pytest.raises(LookupError, match=part.name):
        refreshed(text, [part])
