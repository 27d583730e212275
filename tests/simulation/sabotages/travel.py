"""Sabotages of instances."""

from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.declare.hooks import hooks
from gameserver.modules.instances.entities import Instance
from gameserver.modules.instances.rules import _instance_of
from gameserver.modules.items.entities import Item
from gameserver.modules.movement.entities import Body
from gameserver.rules.book import rules
from gameserver.rules.hooked import HookedRule
from gameserver.rules.outcome import Outcome, State
from tests.simulation.sabotages.data import two_transactions
from tests.simulation.sabotages.sabotage import Sabotage, but, instead
from tests.simulation.sabotages.stories import DYING, GROUPED, RETURNING, TRAVELLING


def visitors_stay(patch: pytest.MonkeyPatch) -> None:
    """An instance ends, and who was in it stands there."""
    instead(patch, "dissolve", lambda outcome: replace(outcome, put=but(Body, outcome.put)))


def what_lies_is_lost(patch: pytest.MonkeyPatch) -> None:
    """What lay in an instance goes with it."""

    def loses(outcome: Outcome) -> Outcome:
        rest = but(Item, outcome.put)
        return replace(outcome, put=rest, drop=(*outcome.drop, *(one for one in outcome.put if one not in rest)))

    instead(patch, "dissolve", loses)


def closing_is_open(patch: pytest.MonkeyPatch) -> None:
    """Who comes to the gate enters an instance that is about to end."""

    def found(state: State, owner: str, template: str) -> Instance | None:
        return next((one for _, one in sorted(state.of(Instance).items()) if one.owner == owner), None)

    patch.setattr("gameserver.modules.instances.rules._instance_of", found)


def each_opens_one(patch: pytest.MonkeyPatch) -> None:
    """A member of a group in whose instance another one is opens one more."""
    real = _instance_of

    def found(state: State, owner: str, template: str) -> Instance | None:
        theirs = real(state, owner, template)
        return theirs if theirs and not theirs.came_from else None

    patch.setattr("gameserver.modules.instances.rules._instance_of", found)


def what_is_over_stirs(patch: pytest.MonkeyPatch) -> None:
    """A late tick brings an instance to life that has ended."""
    real: Any = rules()["stir"]
    stirs = HookedRule(real._rule, [hook for hook in hooks()["world.stir"] if hook.when == "after"])
    patch.setitem(rules(), "stir", stirs)


SABOTAGES = (
    Sabotage("who is in an instance that ends is put back", visitors_stay, 13, "which is no zone", TRAVELLING),
    Sabotage("what lies in one lies at its gate", what_lies_is_lost, 32, "instances.dissolve destroyed", TRAVELLING),
    Sabotage("an instance that closes takes nobody in", closing_is_open, 13, "which is no zone", RETURNING),
    Sabotage("a group has one instance", each_opens_one, 1, "has two instances of den", GROUPED),
    Sabotage("nothing stirs in what is over", what_is_over_stirs, 29, "is no zone", TRAVELLING),
    Sabotage("travel is one transaction", two_transactions, 107, "which is no zone", DYING),
)
