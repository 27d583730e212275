"""The page's panels name events, fields, notices and places that the game declares; what they leave is served too."""

import json
import re
import subprocess
from typing import Any

import pytest

from gameserver.declare import catalogue
from gameserver.declare.once_per_reading import forget
from gameserver.maps.objects import object_classes
from gameserver.operations import catalogue_export
from gateway.web.events import PLACE, events_page
from tests.nodes import JAVASCRIPT, PAGE, node, page_in

Panel = dict[str, Any]


@pytest.fixture(scope="module")
def panels(tmp_path_factory: pytest.TempPathFactory) -> list[Panel]:
    """The tables as Node reads them: of files beside each other, which browsers ask of the site."""
    folder = page_in(tmp_path_factory.mktemp("page"))
    words = (node(), str(JAVASCRIPT / "tables.mjs"), str(folder / "tables.js"))
    found: list[Panel] = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    return found


@pytest.fixture(scope="module")
def events() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(events_page().body)
    return found


def test_the_page_is_told_each_event_with_its_fields(events: dict[str, Any]) -> None:
    assert set(events) == set(catalogue.client_events())
    assert events["sell"]["required"] == ["thing"]
    assert set(events["sell"]["fields"]) == {"thing", "price", "least", "hours"}
    assert (events["sell"]["fields"]["hours"]["minimum"], events["sell"]["fields"]["hours"]["maximum"]) == (1, 48)
    assert events["move"]["fields"]["dir"]["enum"]
    assert events["openletter"]["about"] == "Take what is in a letter. The letter is gone then."


def test_what_is_told_of_events_follows_declarations_that_are_read_anew() -> None:
    before = events_page()
    assert events_page() is before
    forget()
    assert events_page() is not before
    assert catalogue_export.document()["x-events"]


def test_panels_name_what_the_game_declares(panels: list[Panel], events: dict[str, Any]) -> None:
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert set(panel["needs"]) <= set(events), panel["id"]
        assert set(panel["events"]) <= set(panel["needs"]), panel["id"]
        assert set(panel["signs"]) <= set(object_classes()), panel["id"]
        assert set(panel["told"]) <= set(catalogue.notices()), panel["id"]
        for event, fields in panel["forms"]:
            assert event in panel["needs"]
            assert set(fields) <= set(events[event]["fields"]), event
            assert set(events[event]["required"]) <= set(fields), event


def test_every_event_of_the_page_is_one_of_the_game(events: dict[str, Any]) -> None:
    covered = re.search(r"const COVERED = \[(.*?)\];", (PAGE / "main.js").read_text(), re.DOTALL)
    assert covered
    assert set(re.findall(r'"(\w+)"', covered[1])) <= set(events)


def test_what_the_panels_are_made_of_is_served() -> None:
    assert f'fetch("{PLACE}")' in (PAGE / "main.js").read_text()
