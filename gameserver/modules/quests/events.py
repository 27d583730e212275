"""Quests: listed, accepted, given up, turned in; talking to people."""

from typing import Annotated

import msgspec

from gameserver.game import EntityId, Event, Notice, Result, event, notice
from gameserver.modules.items.events import Thing

QuestName = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,64}\Z", description="name of a quest")]
Words = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{0,100}\Z", description="100 characters at most")]


class Aim(Result):
    """A goal of a quest, and how far it is."""

    title: str
    count: int
    of: int


class Undertaking(Result):
    """A quest of yours. ``ready``: all is done, and ``taker`` waits for you."""

    quest: str
    title: str
    text: str
    taker: str
    aims: list[Aim]
    ready: bool = False


class Offer(Result):
    """A quest that a person near you has for you."""

    quest: str
    title: str
    text: str
    person: str


class Log(Result):
    """Your quests: those that you have accepted, the names of those that are done, and what people near you offer."""

    quests: list[Undertaking]
    done: list[str]
    offers: list[Offer]


class Spoken(Result):
    """What a person says, and which quests of yours went on by that. ``offers``: what the person has for you."""

    person: str
    title: str
    text: str
    offers: list[Offer]
    quests: list[Undertaking]


class Paid(Result):
    """What you got for a quest, and what you have now: coins, and experience."""

    quest: str
    title: str
    text: str
    paid: int
    coins: int
    xp: int
    total: int
    things: list[Thing]


@event(lane="act", durable=False, stale_after_s=10.0, result=Log)
class Quests(Event):
    """Ask for your quests, and for those that people near you have for you."""


@event(lane="act", result=Undertaking)
class AcceptQuest(Event):
    """Take on a quest of a person near you."""

    quest: QuestName


@event(lane="act")
class AbandonQuest(Event):
    """Give up a quest. How far it was is forgotten."""

    quest: QuestName


@event(lane="act", result=Paid)
class TurnIn(Event):
    """Bring a quest to its end, with the person who waits for it: what it asks for is given up, and it is paid."""

    quest: QuestName


@event(lane="act", result=Spoken)
class TalkTo(Event):
    """Talk to a person near you, of something or of nothing in particular."""

    person: EntityId
    words: Words = ""


@event(origin="server", durable=False, stale_after_s=60.0)
class Arrived(Event):
    """Born of a step: a player has come into a zone, or to a landmark (its name; "" for none)."""

    player: str
    zone: str
    landmark: str = ""


@notice()
class Progressed(Notice):
    """A quest of yours went on: ``count`` ``of`` so many."""

    quest: str
    title: str
    aim: str
    count: int
    of: int


@notice(durable=True)
class Fulfilled(Notice):
    """All that a quest of yours asks for is done: ``taker`` waits for you, with what you are to bring if anything."""

    quest: str
    title: str
    taker: str
