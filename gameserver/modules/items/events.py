"""What players do with things."""

from typing import Annotated

import msgspec

from gameserver.game import Event, Name, Notice, Result, event, notice
from gameserver.modules.items.kinds import STACK_MAX

ROT_S = 10.0

ThingId = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,128}\Z", description="id of a thing")]
Pieces = Annotated[int, msgspec.Meta(ge=1, le=STACK_MAX, description=f"1 to {STACK_MAX}")]


class Thing(Result):
    """A thing. ``count``: how many in a stack, 0 for what does not stack; ``used``: how often it was used."""

    id: str
    kind: str
    title: str
    count: int = 0
    used: int = 0


class Lying(Result):
    """A thing that lies on a tile. ``v`` counts its changes: of two sights the higher one is newer."""

    id: str
    kind: str
    title: str
    x: int
    y: int
    v: int
    count: int = 0


class Handled(Result):
    """The thing as it is now, and whether it is ``gone`` (used up, or joined to another stack)."""

    thing: Thing
    gone: bool = False


class Carried(Result):
    """What you carry, and what you wear."""

    things: list[Thing]
    worn: list[Thing]


class Armed(Result):
    """The thing that you put on or took off, and how you strike and are struck with what you wear now."""

    thing: Thing
    attack: int
    defence: int


class Healed(Result):
    """What using a thing did: your health, and how many of it are left."""

    hp: int
    left: int


class Parted(Result):
    """Both stacks after a split."""

    thing: Thing
    other: Thing


class Examined(Result):
    """What a thing is. ``slot``: where it is worn; ``uses``: how many it lasts, 0 for ever; ``price``: its worth."""

    thing: Thing
    text: str
    slot: str = ""
    attack: int = 0
    defence: int = 0
    heals: int = 0
    uses: int = 0
    holds: int = 0
    price: int = 0


class Inside(Result):
    """What is in a container."""

    things: list[Thing]


@event(lane="act", result=Handled)
class Take(Event):
    """Take a thing that lies near you."""

    thing: ThingId


@event(lane="act", result=Handled)
class Drop(Event):
    """Put down a thing that you carry."""

    thing: ThingId


@event(lane="act", result=Healed)
class Use(Event):
    """Use up a thing that you carry: food, a potion."""

    thing: ThingId


@event(lane="act", result=Armed)
class Equip(Event):
    """Put on a thing that you carry; what you wear in its place is taken off."""

    thing: ThingId


@event(lane="act", result=Armed)
class Unequip(Event):
    """Take off a thing that you wear."""

    thing: ThingId


@event(lane="act", result=Parted)
class Split(Event):
    """Make two of a stack that you carry."""

    thing: ThingId
    count: Pieces


@event(lane="act", result=Handled)
class GiveItem(Event):
    """Hand a thing that you carry to a player near you."""

    thing: ThingId
    to: Name


@event(lane="act", durable=False, stale_after_s=5.0, result=Examined)
class Examine(Event):
    """Look at a thing that you carry, wear, or that lies near you."""

    thing: ThingId


@event(lane="act", durable=False, stale_after_s=5.0, result=Carried)
class Inventory(Event):
    """Ask what you carry and wear."""


@event(lane="act", result=Handled)
class Stow(Event):
    """Put a thing into a container that you carry."""

    thing: ThingId
    into: ThingId


@event(lane="act", result=Handled)
class Fetch(Event):
    """Take a thing out of a container that you carry."""

    thing: ThingId
    out_of: ThingId


@event(lane="act", durable=False, stale_after_s=5.0, result=Inside)
class Rummage(Event):
    """Look into a container that you carry."""

    thing: ThingId


@event(origin="server", durable=False, every_s=ROT_S)
class Rot(Event):
    """What lay for too long is gone."""

    n: int


@notice()
class Ground(Notice):
    """All things that lie in your view, told after ``view``; none lie there where it is not told."""

    things: list[Lying]


@notice()
class Laid(Notice):
    """A thing lies there now."""

    thing: Lying


@notice()
class Lifted(Notice):
    """A thing lies there no longer."""

    thing: str
    v: int


@notice()
class Handed(Notice):
    """Somebody handed you a thing."""

    by: str
    thing: Thing


@notice()
class Broke(Notice):
    """A thing that you wore is worn out and gone."""

    thing: Thing
    attack: int
    defence: int
