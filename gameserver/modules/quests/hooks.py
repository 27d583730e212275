"""What quests add to the rules of others: people are seen, and what players do anywhere brings their quests on."""

from typing import Any

from gameserver.game import Context, Notification, Outcome, Placed, State, after
from gameserver.modules.combat.events import BeingHealth, Reward
from gameserver.modules.items.events import Take
from gameserver.modules.items.things import held
from gameserver.modules.movement.appearance import Called, looks
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Move
from gameserver.modules.quests.entities import Journal
from gameserver.modules.quests.events import Arrived
from gameserver.modules.quests.maps import Landmark, Person
from gameserver.modules.quests.progress import wanted
from gameserver.modules.quests.quest_kinds import PEOPLE
from gameserver.modules.quests.rules import goes_on, goes_on_needs, pieces, progressed

WELL = 100


@looks(Person)
def shows_a_person(placed: Placed) -> Called:
    """People stand where the map shows them."""
    who: Any = placed.what
    return Called(PEOPLE[who.person].title, "person")


@looks(Person)
def shows_that_people_are_well(placed: Placed) -> BeingHealth:
    """Nobody strikes them."""
    return BeingHealth(hp=WELL)


@after("combat.reward", needs=lambda event, context: goes_on_needs(event.player))
def kills_count(state: State, event: Reward, context: Context, outcome: Outcome) -> Outcome:
    """Who is rewarded for a creature has slain it."""
    return goes_on(state, event.player, event.slain, "kill")


def _arrives(state: State, event: Move, context: Context, outcome: Outcome) -> bool:
    """Whether a step leads into another zone, or onto a landmark from where it was not. It is asked of every step."""
    walked: Any = outcome.result
    before = state.things[Body][context.player]
    if walked.zone != before.zone:
        return True
    zone = state.zone(walked.zone)
    there = zone.on(Landmark, walked.x, walked.y)
    return there is not None and there is not zone.on(Landmark, before.x, before.y)


@after("movement.move", only=_arrives)
def arrivals_are_noted(state: State, event: Move, context: Context, outcome: Outcome) -> Outcome:
    """By an event of its own: no step asks which quests somebody has."""
    body, before = state.of(Body)[context.player], state.before.of(Body)[context.player]
    came = [Arrived(player=body.id, zone=body.zone)] if body.zone != before.zone else []
    landmark = state.zone(body.zone).on(Landmark, body.x, body.y)
    if landmark is not None:
        came.append(Arrived(player=body.id, zone=body.zone, landmark=landmark.landmark))
    return Outcome(events=tuple(came))


@after("items.take", components=(Journal,))
def what_is_wanted_is_counted(state: State, event: Take, context: Context, outcome: Outcome) -> Outcome | None:
    """Tell how many there are by now of what a quest asks for."""
    taken: Any = outcome.result
    goals = wanted(state.of(Journal)[context.player], taken.thing.kind)
    if not goals:
        return None
    there = pieces(held(state, context.player), taken.thing.kind)
    told = [progressed(quest, goal, min(there, goal.count)) for quest, goal in goals]
    return Outcome(notifications=tuple(Notification(notice=one, player=context.player) for one in told))
