"""What is counted of a player's deeds."""

from gameserver.game import Entity, entity
from gameserver.modules.sessions.entities import Player


@entity(table="deeds", of=Player)
class Deeds(Entity, frozen=True):
    """A player's deeds, as JSON. ``counts``: how often, by deed ("kills", "kills:rat"); ``zones``: which were seen.

    ``earned``: when each achievement was.
    """

    id: str
    counts: str = "{}"
    zones: str = "[]"
    earned: str = "{}"
