"""What a bank keeps of a player. Things are in the bank, and in chests, by their holder."""

from gameserver.game import Entity, entity
from gameserver.modules.sessions.entities import Player


@entity(of=Player, big=("coins",))
class Vault(Entity, frozen=True):
    """A player's coins in the bank."""

    id: str
    coins: int = 0
