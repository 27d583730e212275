"""Rules are exchanged in a running process: all of them or none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gameserver.local.scaffold import new_game
from gameserver.processing.reloading import is_exchangeable

ROOT = Path(__file__).parents[3]

# Plays a wave after each line of its input; before it, the rules are read anew.
PLAYER = """
import sys
from gameserver.errors import Corrupt
from gameserver.processing.reloading import reload_rules
from gameserver.rules.book import rules
from gameserver.testing.scenes import circumstances, player, state
from isle.gestures.events import Wave

held = rules()
for _ in sys.stdin:
    try:
        reload_rules()
    except Corrupt as fault:
        print("refused", fault.message, flush=True)
    ada = player("Ada")
    outcome = held["wave"](state(ada), Wave(), circumstances(ada))
    print(*(n.notice.who for n in outcome.notifications), flush=True)
"""


class Playing:
    """A process that goes on while the files of its game change."""

    def __init__(self, folder: Path) -> None:
        self.rules = folder / "isle" / "gestures" / "rules.py"
        self.hooks = folder / "isle" / "gestures" / "hooks.py"
        known = {name: value for name, value in os.environ.items() if not name.startswith("GAMESERVER_")}
        environ = {**known, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", PLAYER],
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def play(self, lines: int = 1) -> list[str]:
        """Read the rules anew, and play; gives what it prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return [self._process.stdout.readline().strip() for _ in range(lines)]

    def end(self) -> None:
        self._process.communicate(timeout=20)


@pytest.fixture
def playing(tmp_path: Path):
    made = Playing(new_game("isle", tmp_path))
    yield made
    made.end()


def test_what_a_rule_says_now_counts_also_when_it_changes_twice_in_a_second(playing: Playing) -> None:
    assert playing.play() == ["ada"]
    text = playing.rules.read_text()
    for name in ("one", "two"):
        playing.rules.write_text(text.replace("who=player.id", f'who="{name}"'))
        assert playing.play() == [name]


def test_a_hook_that_is_added_changed_and_removed_counts_once(playing: Playing) -> None:
    hook = (
        "from gameserver.declare.hooks import after\n"
        "from gameserver.rules.outcome import Notification, Outcome\n"
        "from isle.gestures.events import Waved\n\n"
        '@after("gestures.wave")\n'
        "def echo(state, event, context, outcome):\n"
        '    return Outcome(notifications=(Notification(notice=Waved(who="echo", times=1), to=("here",)),))\n'
    )
    assert playing.play() == ["ada"]
    playing.hooks.write_text(hook)
    assert playing.play() == ["ada echo"]
    playing.hooks.write_text(hook.replace('who="echo"', 'who="again"'))
    assert playing.play() == ["ada again"]
    playing.hooks.unlink()
    assert playing.play() == ["ada"]


@pytest.mark.parametrize(
    "broken", ["def wave(:\n", "import nothing_of_that_name\n", "@rule()\ndef other(s, e, c): ...\n"]
)
def test_what_cannot_be_read_leaves_everything_as_it_was(playing: Playing, broken: str) -> None:
    assert playing.play() == ["ada"]
    text = playing.rules.read_text()
    playing.rules.write_text(f"{text}\n{broken}")
    refused, played = playing.play(2)
    assert "isle/gestures/rules.py:" in refused
    assert played == "ada"
    playing.rules.write_text(text.replace("who=player.id", 'who="mended"'))
    assert playing.play() == ["mended"]


@pytest.mark.parametrize("file", ["rules.py", "hooks.py", "words.py"])
def test_what_declares_nothing_counts_without_a_restart(file: str) -> None:
    assert is_exchangeable(Path("isle/gestures") / file)


@pytest.mark.parametrize("file", ["events.py", "entities.py", "maps.py", "__init__.py", "village.tmj"])
def test_what_declares_counts_after_a_restart_only(file: str) -> None:
    assert not is_exchangeable(Path("isle/gestures") / file)
