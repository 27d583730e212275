"""Trade: coins that one player gives another. (What both sides exchange is ``barter``.)"""

from typing import Annotated

import msgspec

from gameserver.game import Event, Name, Notice, Result, event, notice

Coins = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="1 to 1,000,000")]


class Given(Result):
    """What is left in your purse."""

    coins: int


@event(lane="trade", priority=2, batch_max=800, result=Given)
class Give(Event):
    """Give coins to a player, who may be anywhere."""

    to: Name
    coins: Coins


@event(lane="trade", priority=2, durable=False, stale_after_s=30.0, result=Given)
class Purse(Event):
    """Look into your purse."""


@notice(durable=True, merge={"by": "last", "coins": "sum", "total": "last", "gifts": "sum"})
class Received(Notice):
    """Someone gave you coins; ``total`` is what you have now.

    It may stand for several ``gifts``: ``coins`` is their sum, and ``by`` gave the last of them.
    """

    by: str
    coins: int
    total: int
    gifts: int = 1
