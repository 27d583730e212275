import json
import logging
import sys
from pathlib import Path

import pytest

from gameserver.logs import Json, about, set_up_logging


def record(message: str, *args: object, **more: object) -> logging.LogRecord:
    logger = logging.getLogger("gateway.hub")
    made = logger.makeRecord("gateway.hub", logging.WARNING, "f", 1, message, args, None, extra=more or None)
    made.created, made.msecs = 1_800_000_000.25, 250.0
    return made


def test_a_record_is_one_line_of_json_in_utc() -> None:
    line = Json().format(record("lost %s\nand more: %s", "it", "ü"))
    assert "\n" not in line
    found = json.loads(line)
    assert found["time"] == "2027-01-15T08:00:00.250Z"
    assert (found["level"], found["logger"]) == ("warning", "gateway.hub")
    assert found["message"] == "lost it\nand more: ü"
    assert "events" not in found


def test_a_record_about_events_names_them() -> None:
    assert json.loads(Json().format(record("oh", **about("s:1", "s:2"))))["events"] == ["s:1", "s:2"]


def test_a_traceback_stays_in_its_line() -> None:
    made = record("broke")
    try:
        raise ValueError("deep")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert json.loads(Json().format(made))["traceback"].endswith("ValueError: deep")


def test_a_file_that_was_asked_for_gets_the_lines_and_may_be_moved_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, file = logging.getLogger(), tmp_path / "worker.log"
    level = root.level
    monkeypatch.setattr(root, "handlers", [])
    try:
        set_up_logging("info", "auto", str(file))
        logging.getLogger("here").info("first")
        file.rename(tmp_path / "worker.log.1")
        logging.getLogger("here").info("second")
        root.handlers[0].close()
    finally:
        root.setLevel(level)
    assert json.loads(file.read_text())["message"] == "second"
    assert json.loads((tmp_path / "worker.log.1").read_text())["message"] == "first"
