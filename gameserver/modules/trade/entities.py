"""What trade keeps of a player."""

from gameserver.game import Entity, entity
from gameserver.modules.sessions.entities import Player


@entity(of=Player, big=("coins", "coins_given"), added=("coins_given",))
class Purse(Entity, frozen=True):
    """A player's coins. ``coins_given``: how many its owner has given to others in all."""

    id: str
    coins: int = 100
    coins_given: int = 0
