"""Cases of what a client's view knows after what it was told: for the Python view, and the one in JavaScript.

``views.json`` holds what is right. Each case tells a list of pairs: the name of a notice and its fields, or that of an
event and the data of its reply. Then come those of ``me`` that matter, and who is in view, whole.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from gameserver.client.world_view import WorldView
from gameserver.declare import catalogue
from gameserver.declare.client_view import followers

Told = tuple[str, dict[str, Any]]


class Case(msgspec.Struct, frozen=True):
    """What is told, and what is known by it. ``me``: the fields that matter."""

    name: str
    told: list[Told]
    me: dict[str, Any]
    beings: list[dict[str, Any]]


CASES = msgspec.json.decode(Path(__file__).with_name("views.json").read_bytes(), type=list[Case])


def told_to_python(told: list[Told]) -> WorldView:
    """A view of the bundled game that was told this."""
    view = WorldView(followers())
    for name, data in json.loads(json.dumps(told)):  # a view keeps what it is told, and changes it
        if name in catalogue.notices():
            view.apply_notice({"type": name, **data})
        else:
            view.apply_reply({"type": name}, data)
    return view
