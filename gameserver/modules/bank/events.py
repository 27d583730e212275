"""What players do at a bank's counter, and at chests."""

from typing import Annotated

import msgspec

from gameserver.game import Event, Result, event
from gameserver.modules.items.events import Thing, ThingId
from gameserver.modules.trade.events import Coins

ChestId = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,64}\Z", description="id of a chest")]


class Balance(Result):
    """The coins in the bank, and those in your purse."""

    bank: int
    purse: int


class Vaulted(Result):
    """What you have in the bank."""

    coins: int
    things: list[Thing]


class Shifted(Result):
    """The thing as it is now, and whether it is ``gone`` (joined to another stack)."""

    thing: Thing
    gone: bool = False


class Shared(Result):
    """What is in a chest, and how many things it holds."""

    things: list[Thing]
    holds: int


@event(lane="trade", result=Balance)
class Deposit(Event):
    """Bring coins from your purse into the bank, in a zone with a counter."""

    coins: Coins


@event(lane="trade", result=Balance)
class Withdraw(Event):
    """Take coins out of the bank."""

    coins: Coins


@event(lane="trade", result=Shifted)
class Store(Event):
    """Bring a thing that you carry into the bank."""

    thing: ThingId


@event(lane="trade", result=Shifted)
class Retrieve(Event):
    """Take a thing out of the bank."""

    thing: ThingId


@event(lane="trade", durable=False, stale_after_s=30.0, result=Vaulted)
class Vault(Event):
    """Ask what you have in the bank."""


@event(lane="trade", result=Shifted)
class PutIn(Event):
    """Put a thing that you carry into a chest near you, which all share."""

    thing: ThingId
    chest: ChestId


@event(lane="trade", result=Shifted)
class TakeOut(Event):
    """Take a thing out of a chest near you."""

    thing: ThingId
    chest: ChestId


@event(lane="trade", durable=False, stale_after_s=30.0, result=Shared)
class PeekIn(Event):
    """Look into a chest near you."""

    chest: ChestId
