from pathlib import Path

import pytest

from gameserver.errors import Rejected
from gameserver.messages.process_reports import EventTimes
from gameserver.operations.trace import event_id, find_log_lines, format_failures, format_times
from gameserver.store import DeadLetter

TIMES = EventTimes(
    id="s:7",
    event="chat.say",
    player="ada",
    task="s:6+1",
    accepted_ms=1_000,
    published_ms=1_004,
    began_ms=1_010,
    took_ms=5.5,
    done_ms=1_020,
)


@pytest.mark.parametrize("text", ["s:7", "s:7+3", "s:7~1", "s:7+12~2", "s:7_1", "s:7+3_12"])
def test_a_tasks_id_leads_to_its_first_event(text: str) -> None:
    assert event_id(text) == "s:7"


def test_the_steps_add_up_to_the_whole() -> None:
    first, _, *steps = format_times([TIMES])
    assert first == "s:7  chat.say of ada, in task s:6+1"
    assert [step.split()[0] for step in steps] == ["+4.0", "+10.0", "+15.5", "+20.0"]
    assert [step.split()[-2] for step in steps] == ["4.0", "6.0", "5.5", "4.5"]


def test_a_trial_that_was_in_vain_is_not_called_committed() -> None:
    told = "\n".join(format_times([TIMES], failed=True))
    assert "its first trial, in vain" in told
    assert "its batch applied" not in told


@pytest.mark.parametrize("text", ["1", "ada", "", "s: 7", "a:b:c"])
def test_what_is_no_id_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(Rejected, match="no_event_id"):
        event_id(text)


def test_an_event_on_its_way_has_no_more_steps_than_it_has_done() -> None:
    going = EventTimes(id="s:7", event="chat.say", player="", task="s:7", accepted_ms=1, published_ms=2)
    assert list(format_times([going]))[-1].endswith("no process has reported that it is done")
    assert "of nobody" in next(format_times([going]))


def test_of_an_event_that_was_published_again_each_way_is_shown() -> None:
    lost = EventTimes(id="s:7", event="chat.say", player="ada", task="s:7", accepted_ms=1_000, published_ms=1_001)
    told = list(format_times([TIMES, lost]))
    assert [line.rpartition(" ")[2] for line in told if "in task" in line] == ["s:7", "s:6+1"]
    assert told[-1].strip().startswith("+20.0 ms  reported to the gateway")


def test_what_went_wrong() -> None:
    letter = DeadLetter("s:7", "chat", "say", "ada", 4, "KeyError: x", "", b"", 1_000, 9_000)
    tried, given_up, kept = format_failures(2, [letter])
    assert tried == "  tried 2 times in vain so far"
    assert given_up.endswith(".000, after 4 trials: KeyError: x")
    assert kept.endswith("gameserver dead show s:7")
    assert list(format_failures(0, [])) == []


def test_log_lines_of_all_parts_that_name_it_and_no_longer_id(tmp_path: Path) -> None:
    line = '{{"time": "2026-01-01T00:00:{:02}Z", "level": "error", "message": "{} failed"}}\n'
    (tmp_path / "worker-chat.log").write_text(line.format(2, "s:7") + line.format(3, "s:71") + "old s:7 text\n")
    (tmp_path / "gateway.log").write_text(line.format(1, "s:7+2") + line.format(4, "gs:7"))
    assert list(find_log_lines(tmp_path, "s:7")) == [
        "  2026-01-01T00:00:01Z error s:7+2 failed  [gateway]",
        "  2026-01-01T00:00:02Z error s:7 failed  [worker-chat]",
        "  old s:7 text  [worker-chat]",
    ]
