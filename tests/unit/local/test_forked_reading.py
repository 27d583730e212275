"""A game is read anew in a fork, and whatever happens there is a reading or a fault."""

from pathlib import Path

import pytest

from tests.games import Playing

# Reads the game in a fork before each line that it prints: what was done, or the fault.
READER = """
import os, sys
from pathlib import Path
from gameserver.local import forked_reading
from gameserver.rules.book import rules

rules()
for line in sys.stdin:
    environ = {**os.environ, "SAID": "so"}
    found = forked_reading.read("isle.prepared:prepare", ["gestures"], environ=environ, cwd=Path.cwd())
    print(found.fault or found.done, "SAID" in os.environ, flush=True)
"""
PREPARED = """
import os
from gameserver.declare import catalogue
from gameserver.local.forked_reading import Reading
from gameserver.rules.book import rules

def prepare(served):
    rules()
    return Reading(done=[*served, *catalogue.families(), os.environ["SAID"]][-3:])
"""


@pytest.fixture
def reader(tmp_path: Path):
    made = Playing(tmp_path, READER)
    (made.root / "isle" / "prepared.py").write_text(PREPARED)
    assert made.ask() == ["['sessions', 'world', 'so'] False"]
    yield made
    made.end()


def test_it_is_read_as_its_files_are_now(reader: Playing) -> None:
    (reader.module / "rules.py").rename(reader.module / "kept")
    assert "has no rule: write isle.gestures.rules.wave" in reader.ask()[0]
    (reader.module / "kept").rename(reader.module / "rules.py")
    assert reader.ask() == ["['sessions', 'world', 'so'] False"]


@pytest.mark.parametrize(
    ("does", "fault"),
    [
        ("raise ValueError('no')", "ValueError: no"),
        ("os._exit(3)", "Reading it ended with status 3."),
        ("os.kill(os.getpid(), 14)", "Reading it ended with status -14."),  # as when it takes too long
        ("raise SystemExit(1)", "SystemExit: 1"),
    ],
)
def test_whatever_goes_wrong_is_a_fault_and_the_next_reading_is_a_new_one(
    reader: Playing, does: str, fault: str
) -> None:
    (reader.root / "isle" / "prepared.py").write_text(PREPARED.replace("    rules()\n", f"    {does}\n"))
    assert reader.ask() == [f"{fault} False"]
    (reader.root / "isle" / "prepared.py").write_text(PREPARED)
    assert reader.ask() == ["['sessions', 'world', 'so'] False"]
