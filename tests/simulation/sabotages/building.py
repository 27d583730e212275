"""Sabotages of what game masters build."""

import pytest
from msgspec.structs import replace

from gameserver.modules.building.entities import Change
from gameserver.modules.building.rules import EVERY_CHANGE
from gameserver.rules import map_misfits
from tests.simulation.sabotages.data import two_transactions
from tests.simulation.sabotages.exactly_once import no_watermarks
from tests.simulation.sabotages.sabotage import Sabotage, instead
from tests.simulation.sabotages.stories import BUILDING


def chests_are_built_in_play(patch: pytest.MonkeyPatch) -> None:
    """What things are kept in may be taken away."""
    patch.setattr("gameserver.modules.building.rules._check_built_in_play", lambda what: None)


def anything_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What is built is forgotten when maps are applied, whether their files show it or not."""
    real = map_misfits.fittings

    def fittings() -> tuple[map_misfits.Fitting, ...]:
        return tuple(replace(one, misfit=lambda world, change: "x") if one.kind is Change else one for one in real())

    patch.setattr("gameserver.operations.apply_maps.fittings", fittings)


def changes_have_one_number(patch: pytest.MonkeyPatch) -> None:
    """Who changes a map gives the number that was given before."""
    patch.setattr("gameserver.modules.building.rules._next", lambda state: max(1, len(state.found(EVERY_CHANGE))))


def edits_are_lost(patch: pytest.MonkeyPatch) -> None:
    """What is taken away is answered, and not noted."""
    instead(patch, "removeobject", lambda outcome: replace(outcome, put=outcome.put[:1]))


SABOTAGES = (
    Sabotage("what things are kept in stays", chests_are_built_in_play, 0, "which no map shows", BUILDING),
    Sabotage("a change is kept until the files show it", anything_is_forgotten, 4, "the map has a wall", BUILDING),
    Sabotage("changes of maps have one order", changes_have_one_number, 0, "are numbered", BUILDING),
    Sabotage("what is taken off a map is noted", edits_are_lost, 0, "are counted", BUILDING),
    Sabotage("a change is made once", no_watermarks, 0, "took effect 2 times", BUILDING),
    Sabotage("a change and its number are one transaction", two_transactions, 0, "are counted", BUILDING),
)
