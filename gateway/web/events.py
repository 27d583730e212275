"""What the page knows of the game's events: ``/events.json``, made from the catalogue.

Its panels ask for what this game has, and their fields take what the events take.
"""

import json
from collections.abc import Mapping
from typing import Any

from gameserver.declare import catalogue
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.operations.catalogue_export import REFERENCE, document
from gateway.web.site import KINDS, Page, page

PLACE = "/events.json"
NOT_GIVEN = frozenset({"type", "seq"})  # by who sends an event: the library adds them


@once_per_reading
def events_page() -> Page:
    """Serve the events that a client may send: what each is for, its fields as JSON Schema, and which it needs."""
    made = document()
    schemas = made["components"]["schemas"]
    found = {
        name: _told(schemas[_name(made["x-events"][name]["schema"])], schemas) for name in catalogue.client_events()
    }
    return page(KINDS[".json"], json.dumps(found, sort_keys=True).encode())


def _told(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: shape for name, shape in schema["properties"].items() if name not in NOT_GIVEN}
    return {
        "about": " ".join(schema.get("description", "").split()),
        "fields": {name: schemas[_name(shape)] if "$ref" in shape else shape for name, shape in fields.items()},
        "required": [name for name in schema.get("required", ()) if name in fields],
    }


def _name(reference: Mapping[str, str]) -> str:
    return reference["$ref"].removeprefix(REFERENCE)
