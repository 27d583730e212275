"""Barter: both offer, both accept what the other one offers, and then it changes hands, all of it at once."""

from typing import Annotated

import msgspec

from gameserver.game import Event, Name, Notice, Result, event, notice
from gameserver.modules.items.events import Thing, ThingId

OFFERED_MAX = 12
LAPSED = "lapsed"
LAPSE_S = 15.0  # an offer lasts two minutes

Version = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1, description="the number that the offer was told with")]
Offered = Annotated[
    list[ThingId], msgspec.Meta(max_length=OFFERED_MAX, description=f"list of ids, {OFFERED_MAX} at most")
]
Price = Annotated[int, msgspec.Meta(ge=0, le=1_000_000, description="0 to 1,000,000")]


class Proposal(Result):
    """Your offer's number. Another offer of yours, or a change of this one, has a higher one."""

    version: int


class Agreed(Result):
    """Whether things and coins have changed hands: they do when both have accepted."""

    done: bool
    coins: int


@event(lane="trade", result=Proposal)
class Offer(Event):
    """Offer things and coins to a player near you, or something else than before, which nobody has accepted yet."""

    to: Name
    things: Offered
    coins: Price = 0


@event(lane="trade", result=Agreed)
class Accept(Event):
    """Accept what a player offers you, for what you offer. When both have accepted it changes hands."""

    to: Name
    version: Version


@event(lane="trade")
class Retract(Event):
    """Take an offer back."""

    to: Name


@event(origin="server", durable=False, every_s=LAPSE_S)
class Lapse(Event):
    """Find offers that were open for too long."""

    n: int


@event(origin="server", durable=False, stale_after_s=30.0)
class Lapsed(Event):
    """Born of ``lapse``, or when an offer has ended otherwise (``why``) and both are to be told: an offer is over."""

    player: str
    partner: str
    why: str = LAPSED


@notice()
class Proposed(Notice):
    """A player offers you this; accept it with its ``version``."""

    by: str
    things: list[Thing]
    coins: int
    version: int


@notice()
class Accepted(Notice):
    """A player accepts what you offer."""

    by: str
    version: int


@notice(durable=True)
class Traded(Notice):
    """A trade was made: what you got, and the coins that you have now."""

    by: str
    things: list[Thing]
    coins: int


@notice()
class Retracted(Notice):
    """An offer is over. ``why``: retracted, lapsed, or that who made it has left or died."""

    by: str
    to: str
    why: str
