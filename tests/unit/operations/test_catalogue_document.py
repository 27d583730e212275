"""Only what ``catalogue export`` wrote in the present format is read as a catalogue."""

import json

import pytest

from gameserver.errors import Corrupt
from gameserver.operations import catalogue_export
from gameserver.operations.catalogue_document import read


def test_an_export_is_read_and_its_own_packets_are_known() -> None:
    document = read(catalogue_export.text().encode(), "this version")
    assert document.packets("receive").keys() == {"hello", "ping"}
    assert {"welcome", "ok", "error", "bye", "pong"} <= document.packets("send").keys()
    assert document.x_events.keys().isdisjoint(document.packets("send"))


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_another_text_is_refused_with_its_source(text: bytes) -> None:
    with pytest.raises(Corrupt, match=r"no_catalogue.*old\.json"):
        read(text, "old.json")


def test_another_format_is_refused() -> None:
    document = json.loads(catalogue_export.text())
    document["x-format"] += 1
    with pytest.raises(Corrupt, match="has format"):
        read(json.dumps(document).encode(), "old.json")
