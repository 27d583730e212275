"""A child exchanges all of the game and of the engine between two batches, or nothing."""

from pathlib import Path

import pytest

from tests.games import Playing

# Before each line of its input the game may have changed; then it reads a wave, and prints what comes of it.
CHILD = """
import logging, sys
from importlib import import_module
from gameserver import config
from gameserver.security.sealing import write_key
from gameserver.store.migrate import migrate
from tasks.development import Development, read_body
from tasks.processor import build

logging.basicConfig(stream=sys.stdout, format="refused %(message)s", level=logging.ERROR)
settings = config.load()
settings.var.mkdir()
write_key(settings.secret_key_file)
migrate(settings.database_url)
development = Development(settings.reload_stamp)
processor = build(settings)
for line in sys.stdin:
    processor = development.refreshed(processor)
    body = '[[[{"id": "s:1", "at_ms": 1, "event": {"type": "wave"%s}}]], {}, null]' % line.strip()
    ((batch,), _, _) = read_body(body)
    scenes = import_module("gameserver.testing.scenes")
    ada = scenes.player("Ada")
    event = getattr(batch[0], "event", None)
    if event is None:
        print("unread", flush=True)
        continue
    outcome = processor._applier._rules["wave"](scenes.state(ada), event, scenes.circumstances(ada))
    print(*(n.notice.who for n in outcome.notifications), flush=True)
"""

HOOK = """
from gameserver.game import Notification, Outcome, after
from isle.gestures.events import Waved

@after("gestures.wave")
def echo(state, event, context, outcome):
    return Outcome(notifications=(Notification(notice=Waved(who="echo", times=1), to=("here",)),))
"""


class Child(Playing):
    """A child of a worker."""

    def wave(self, fields: str = "", lines: int = 1) -> list[str]:
        return self.ask(fields, lines)

    def saved(self) -> None:
        (self.root / "var" / "reload").touch()


@pytest.fixture
def child(tmp_path: Path):
    made = Child(tmp_path, CHILD)
    assert made.wave() == ["ada"]
    yield made
    made.end()


def test_what_a_rule_says_counts_when_the_stamp_is_written_and_not_before(child: Child) -> None:
    child.change("rules.py", "who=player.id", 'who="one"')
    assert child.wave() == ["ada"]
    child.saved()
    assert child.wave() == ["one"]
    for before, name in (('"one"', '"two"'), ('"two"', '"six"')):  # twice in a second, and of one size
        child.change("rules.py", before, name)
        child.saved()
        assert child.wave() == [name.strip('"')]


def test_events_are_read_in_their_new_form(child: Child) -> None:
    assert child.wave(', "how": "wildly"') == ["unread"]
    child.change("events.py", 'see you."""', 'see you."""\n\n    how: str')
    child.change("rules.py", "who=player.id", "who=event.how")
    child.saved()
    assert child.wave(', "how": "wildly"') == ["wildly"]
    assert child.wave() == ["unread"]


def test_a_hook_that_is_added_and_removed_counts_once(child: Child) -> None:
    (child.module / "hooks.py").write_text(HOOK)
    child.saved()
    assert child.wave() == ["ada echo"]
    (child.module / "hooks.py").unlink()
    child.saved()
    assert child.wave() == ["ada"]


@pytest.mark.parametrize("broken", ["def wave(:", "import nothing_of_that_name", "@rule()\ndef other(s, e, c): ..."])
def test_what_cannot_be_read_leaves_everything_as_it_was(child: Child, broken: str) -> None:
    text = (child.module / "rules.py").read_text()
    (child.module / "rules.py").write_text(f"{text}\n{broken}\n")
    child.saved()
    refused, played = child.wave(lines=2)
    assert refused.startswith("refused the old code goes on: ")
    assert "isle/gestures/rules.py:" in refused
    assert played == "ada"
    (child.module / "rules.py").write_text(text.replace("player.id", '"mended"'))
    child.saved()
    assert child.wave() == ["mended"]
