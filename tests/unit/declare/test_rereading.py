"""The declarations of events are read anew in a running process: all of them or none."""

from pathlib import Path

import pytest

from tests.games import Playing

# Decodes a packet with a codec that it has had from the start. Before, the declarations are read anew.
GATEWAY = """
import sys
from gameserver.declare import catalogue
from gameserver.declare.rereading import read_anew
from gameserver.declare.session_events import Heartbeat, Resumption
from gameserver.modules.sessions.events import Resume
from gameserver.wire.codecs import json_codec, take_up_catalogue
from gameserver.wire.errors import PacketFault

codec, first = json_codec(), catalogue.fingerprint()
for line in sys.stdin:
    try:
        read_anew()
        take_up_catalogue()
    except Exception as fault:
        print("refused", fault, flush=True)
    try:
        print(codec.decode(line.encode(), 9), end=" ")
    except PacketFault as fault:
        print(fault.code, end=" ")
    resume, heartbeat = catalogue.events()["resume"], catalogue.events()["heartbeat"]
    # What the gateway sends stays; the module that answers it is read anew like any other, and known by its bases.
    known = heartbeat is Heartbeat and resume is not Resume and issubclass(resume, Resumption)
    print("same" if catalogue.fingerprint() == first else "other", "" if known else "lost", flush=True)
"""


@pytest.fixture
def gateway(tmp_path: Path):
    made = Playing(tmp_path, GATEWAY)
    assert made.ask('{"type":"wave"}') == ["Wave(seq=0) same"]
    yield made
    made.end()


def test_fields_and_events_that_are_added_changed_and_removed_count(gateway: Playing) -> None:
    assert gateway.ask('{"type":"wave","how":"so"}') == ["bad_field same"]
    gateway.change("events.py", 'see you."""', 'see you."""\n\n    how: str')
    assert gateway.ask('{"type":"wave","how":"so"}') == ["Wave(how='so', seq=0) other"]
    gateway.change("events.py", "Wave(", "Bow(")
    assert gateway.ask('{"type":"wave","how":"so"}') == ["unknown_type other"]
    assert gateway.ask('{"type":"bow","how":"so"}') == ["Bow(how='so', seq=0) other"]


def test_a_module_that_is_added_and_removed_counts(gateway: Playing) -> None:
    added = gateway.root / "isle" / "others"
    added.mkdir()
    (added / "__init__.py").write_text("")
    text = (gateway.module / "events.py").read_text()
    (added / "events.py").write_text(text.replace("Wave", "Nod"))
    assert gateway.ask('{"type":"nod"}') == ["Nod(seq=0) other"]
    (added / "events.py").unlink()
    (added / "__init__.py").unlink()
    assert gateway.ask('{"type":"nod"}') == ["unknown_type same"]


@pytest.mark.parametrize("broken", ["class Wave(", "import nothing_of_that_name", "@event()\nclass Nod(Event): ..."])
def test_what_cannot_be_read_leaves_everything_as_it_was(gateway: Playing, broken: str) -> None:
    text = (gateway.module / "events.py").read_text()
    (gateway.module / "events.py").write_text(f"{text}\n{broken}\n")
    refused, decoded = gateway.ask('{"type":"wave"}', lines=2)
    assert "isle/gestures/events.py:" in refused
    assert decoded == "Wave(seq=0) same"
    (gateway.module / "events.py").write_text(text.replace("Wave(", "Nod("))
    assert gateway.ask('{"type":"nod"}') == ["Nod(seq=0) other"]


def test_words_that_cannot_be_read_leave_everything_as_it_was(gateway: Playing) -> None:
    words = gateway.module / "text.py"
    words.write_text("from gameserver.game import command\nfrom isle.gestures.events import Wave\n\n")
    assert gateway.ask('{"type":"wave"}') == ["Wave(seq=0) same"]
    words.write_text(words.read_text() + 'command("wave <at>", Wave)\n')
    refused, decoded = gateway.ask('{"type":"wave"}', lines=2)
    assert "isle/gestures/text.py:4: the form 'wave <at>': Wave has no such fields" in refused
    assert decoded == "Wave(seq=0) same"
