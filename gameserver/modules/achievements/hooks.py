"""What players do in other modules, and is counted. A game may leave any of these out.

What is done seldom is counted in the transaction in which it is done. Steps and gifts are too many for that: of these
only such as may earn something are noted, by an event of its own.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from gameserver.game import Context, Needs, Outcome, State, after, mail_count, once_per_reading
from gameserver.modules.achievements.achievement_kinds import ACHIEVEMENTS
from gameserver.modules.achievements.entities import Deeds
from gameserver.modules.achievements.events import Ahead, Gave, Saw
from gameserver.modules.achievements.rules import counted, deeds_needs
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import EnteredAt, Move
from gameserver.modules.trade.entities import Purse
from gameserver.modules.trade.events import Give

Asks = Callable[[Any, Context], Needs]


def _own(event: Any, context: Context) -> Needs:
    """Select what counting a deed of the player whose event it is needs beside its ``Deeds``."""
    return (mail_count(context.player),)


@after("combat.reward", needs=lambda event, context: deeds_needs(event.player), optional=True)
def kills(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """A creature was slain."""
    return counted(state, event.player, context.now_ms, "kills", kind=event.slain)


# Who has given so many more coins is looked at again: an achievement may be new, or its number lower than it was.
REVIEWED_EVERY = 1000


@once_per_reading
def numbers_given() -> tuple[int, ...]:
    """How many coins are to be given for each achievement that counts them, in order."""
    return tuple(sorted(one.number for one in ACHIEVEMENTS.values() if one.counts == "given"))


def _passes_a_number(state: State, event: Give, context: Context, outcome: Outcome) -> bool:
    """Whether a gift may earn something. It is asked of every gift."""
    before = state.things[Purse][context.player].coins_given
    return _reached(before) != _reached(before + event.coins)


def _reached(coins: int) -> int:
    """How many numbers so many coins have reached."""
    return coins // REVIEWED_EVERY + bisect_right(numbers_given(), coins)


@after("trade.give", only=_passes_a_number, optional=True)
def gifts(state: State, event: Give, context: Context, outcome: Outcome) -> Outcome:
    """Coins were given away: the purse remembers how many in all."""
    return Outcome(events=(Gave(player=context.player, coins=state.of(Purse)[context.player].coins_given),))


@after("achievements.achievements", components=(Purse,), optional=True)
def gifts_so_far(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome:
    """How far one is with coins given away, the purse says."""
    honours: Any = outcome.result
    given = state.of(Purse)[context.player].coins_given
    return Outcome(result=replace(honours, ahead=[_so_far(one, given) for one in honours.ahead]))


def _so_far(one: Ahead, given: int) -> Ahead:
    return replace(one, count=min(given, one.of)) if ACHIEVEMENTS[one.name].counts == "given" else one


@after("quests.turnin", needs=_own, components=(Deeds,), optional=True)
def quests(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """A quest was done."""
    return counted(state, context.player, context.now_ms, "quests", kind=event.quest)


@after("crafting.craft", needs=_own, components=(Deeds,), optional=True)
def works(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """Something was made."""
    return counted(state, context.player, context.now_ms, "crafted", kind=event.recipe)


@after("barter.accept", needs=_own, components=(Deeds,), optional=True)
def trades(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """A trade was made: it counts for who accepted last."""
    made: Any = outcome.result
    return counted(state, context.player, context.now_ms, "traded") if made.done else None


@after("shops.buyfrom", needs=_own, components=(Deeds,), optional=True)
def purchases(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """Something was bought in a shop."""
    return counted(state, context.player, context.now_ms, "bought")


@after("shops.sellto", needs=_own, components=(Deeds,), optional=True)
def sales(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """Something was sold to a shop."""
    return counted(state, context.player, context.now_ms, "sold")


@after("post.post", needs=_own, components=(Deeds,), optional=True)
def letters(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """A letter was sent."""
    return counted(state, context.player, context.now_ms, "letters")


@after("groups.acceptinvite", needs=_own, components=(Deeds,), optional=True)
def company(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """Somebody joined a group."""
    return counted(state, context.player, context.now_ms, "grouped")


def _travels(state: State, event: Move, context: Context, outcome: Outcome) -> bool:
    """Whether a step leads into another zone. It is asked of every step."""
    walked: Any = outcome.result
    return bool(walked.zone != state.things[Body][context.player].zone)


@after("movement.move", only=_travels)
def travels(state: State, event: Move, context: Context, outcome: Outcome) -> Outcome:
    """Where a step leads is noted by an event of its own: no step asks what was seen already."""
    walked: Any = outcome.result
    return Outcome(events=(Saw(player=context.player, zone=walked.zone),))


@after("sessions.register", order=1, optional=True)
def begins(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """Where one begins has been seen."""
    entered: Any = outcome.result
    at = outcome.part(EnteredAt)
    return Outcome(events=(Saw(player=entered.player, zone=at.zone),)) if at else None
