"""What a player offers to another one."""

import msgspec

from gameserver.game import Entity, Index, entity
from gameserver.modules.sessions.entities import Player


class Goods(msgspec.Struct, frozen=True, array_like=True):
    """A thing as it was offered: with another count, or more worn, it is not what was agreed upon."""

    id: str
    count: int
    used: int


@entity(of=Player, indexes=(Index(("until_ms",), name="until"),))
class Side(Entity, frozen=True):
    """A player's side of a trade. ``partner``: with whom, "" for nobody; ``things``: see ``Goods``, as JSON.

    ``version`` counts the offers of this player, whoever they were for; ``accepted``: the version of the partner's
    offer that this player has accepted, 0 for none. ``until_ms``: when the offer lapses.
    """

    id: str
    partner: str = ""
    things: str = "[]"
    coins: int = 0
    version: int = 0
    accepted: int = 0
    until_ms: int = 0

    @property
    def goods(self) -> list[Goods]:
        """The things that are offered."""
        return msgspec.json.decode(self.things, type=list[Goods])
