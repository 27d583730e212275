"""What a player has taken on, and what is done."""

from gameserver.game import Entity, entity
from gameserver.modules.sessions.entities import Player


@entity(of=Player)
class Journal(Entity, frozen=True):
    """A player's quests, as JSON (``progress``). ``undertaken``: by quest how far each goal is.

    ``done``: by quest how often, and on which day of the server's clock last.
    """

    id: str
    undertaken: str = "{}"
    done: str = "{}"
