"""What trade keeps of a player."""

from gameserver.game import Entity, entity
from gameserver.modules.sessions.entities import Player


@entity(of=Player, big=("coins",))
class Purse(Entity, frozen=True):
    """A player's coins."""

    id: str
    coins: int = 100
