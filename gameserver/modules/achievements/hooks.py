"""What players do in other modules, and is counted. A game may leave any of these out."""

from collections.abc import Callable
from typing import Any

from gameserver.game import Context, Needs, Outcome, State, after, mail_count
from gameserver.modules.achievements.entities import Deeds
from gameserver.modules.achievements.events import Saw
from gameserver.modules.achievements.rules import counted, deeds_needs
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import EnteredAt, Move

Asks = Callable[[Any, Context], Needs]


def _own(event: Any, context: Context) -> Needs:
    """Select what counting a deed of the player whose event it is needs beside its ``Deeds``."""
    return (mail_count(context.player),)


@after("combat.reward", needs=lambda event, context: deeds_needs(event.player), optional=True)
def kills(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """A creature was slain."""
    return counted(state, event.player, context.now_ms, "kills", kind=event.slain)


@after("trade.give", needs=_own, components=(Deeds,), optional=True)
def gifts(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """Coins were given away."""
    return counted(state, context.player, context.now_ms, "given", event.coins)


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
