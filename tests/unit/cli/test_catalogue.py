import json
from pathlib import Path

import pytest

from gameserver.cli import main
from gameserver.declare import catalogue
from gameserver.operations import catalogue_export
from tests.unit.operations.test_catalogue_diff import Change, changed, event, field, gone


def test_the_command_writes_a_file_or_says_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "export", str(tmp_path / "c.json")]) == 0
    assert (tmp_path / "c.json").read_text() == catalogue_export.text()
    assert (
        capsys.readouterr().out
        == f"{tmp_path}/c.json: {len(catalogue.events())} events, {len(catalogue.notices())} notices.\n"
    )
    assert main(["catalogue", "export", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"gameserver: {tmp_path} cannot be written: Is a directory.\n"


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"{}", b'{"asyncapi":"3.0.0"}', b"\xff", b"[" * 100_000, b'{"x-format":1,"x-events":[]}']
)
def test_what_is_no_catalogue_is_said_in_one_sentence(
    text: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.json").write_bytes(text)
    assert main(["catalogue", "diff", str(tmp_path / "old.json")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"gameserver: {tmp_path}/old.json is no catalogue that `catalogue export` wrote: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "status", "last"),
    [
        (lambda d: None, 0, "No changes."),
        (event("say", priority=4), 0, "Changes: 1; breaking: 0."),
        (gone("give"), 0, "Changes: 1; breaking: 0."),
        (field("Give", "coins", maximum=2_000_000), 1, "Changes: 1; breaking: 1."),
    ],
)
def test_the_status_is_1_if_something_breaks(
    change: Change, status: int, last: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.json").write_text(json.dumps(changed(change)))
    assert main(["catalogue", "diff", str(tmp_path / "old.json")]) == status
    *told, end = capsys.readouterr().out.splitlines()
    assert end == last
    assert all(line.startswith("breaks: " if status else "fine: ") for line in told)


def test_a_catalogue_that_is_not_there_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "diff", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err == f"gameserver: {tmp_path}/none.json cannot be read: No such file or directory.\n"
