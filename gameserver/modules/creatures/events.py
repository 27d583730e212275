"""Creatures: taming them, and what those do that follow a player."""

from typing import Annotated, Literal

import msgspec

from gameserver.game import EntityId, Event, Notice, Result, event, notice

Command = Annotated[Literal["follow", "guard"], msgspec.Meta(description="follow or guard")]


class Companion(Result):
    """A creature that is yours. ``zone``: where it is; ``does``: follow or guard; ``dead``: it comes back to life."""

    id: str
    kind: str
    title: str
    hp: int
    hp_max: int
    zone: str
    does: str
    dead: bool = False


class Tamed(Result):
    """Whether it worked, and the creatures that are yours then."""

    done: bool
    companions: list[Companion]


class Companions(Result):
    """Your creatures."""

    companions: list[Companion]


class Ordered(Result):
    """Your creature, as it is told."""

    companion: Companion


@event(lane="act", priority=2, result=Tamed)
class Tame(Event):
    """Try to make a weakened creature near you your own."""

    target: EntityId


@event(lane="act", result=Ordered)
class Order(Event):
    """Tell a creature of yours to follow you, or to stay and guard where it is."""

    creature: EntityId
    what: Command


@event(lane="act", result=Companions)
class Release(Event):
    """Let a creature of yours go, for ever. You are told which you still have."""

    creature: EntityId


@event(lane="act", durable=False, stale_after_s=5.0, result=Companions)
class Pets(Event):
    """Ask which creatures are yours, and how they are."""


@event(origin="server", priority=2, lease_s=5, durable=False, stale_after_s=5.0, batch_max=16)
class Heel(Event):
    """Born where a player's creature is in another zone than the player: it goes there. After it comes the next."""

    creature: str
    owner: str


@notice()
class Roared(Notice):
    """A creature says something."""

    who: str
    text: str
