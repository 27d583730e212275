"""What a bank keeps of a player, and what makes of a chest's users a queue. Things are in the bank by their holder."""

from gameserver.game import Entity, entity
from gameserver.modules.sessions.entities import Player


@entity(of=Player, big=("coins",))
class Vault(Entity, frozen=True):
    """A player's coins in the bank."""

    id: str
    coins: int = 0


@entity(big=("turn",))
class ChestTurn(Entity, frozen=True):
    """A chest, by its id on the map. Whoever puts in or takes out locks and counts it: so it is never overfull."""

    id: str
    turn: int = 0
