import json
import logging
import sys
from pathlib import Path

import pytest

from gameserver.runtime.logging import SELDOM_S, Json, Seldom, about, set_up_logging


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


def test_what_would_fill_the_log_is_said_once_a_minute_with_how_often_it_was_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = [100.0]
    seldom = Seldom(logging.getLogger("seldom"), lambda: now_s[0])
    for _ in range(3):
        seldom.warning("%s waits", "it")
    now_s[0] += SELDOM_S
    seldom.warning("%s waits", "it")
    assert caplog.messages == ["it waits", "it waits (and 2 times since the last such line)"]
