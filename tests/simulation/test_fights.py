"""What the simulation finds of duels that should be over when all has come to its end."""

import pytest
from msgspec.structs import replace

from gameserver.modules.combat.duels import DUEL_MS
from gameserver.modules.combat.entities import Creature, Duel
from gameserver.modules.instances.entities import ENDED, Instance
from gameserver.modules.instances.tests.worlds import opened
from gameserver.modules.sessions.entities import Player
from gameserver.testing.two_zones import NOW_MS
from tests.simulation.fights import unsettled

FIGHTING = Duel(id="ada", rival="bob", rival_until_ms=NOW_MS + 1, duel_zone="cave#1")


def found(duel: Duel, *instances: Instance) -> list[str]:
    other = replace(duel, id="bob", rival="ada")
    there = {one.id: one for one in instances}
    things = {Player: {}, Creature: {}, Duel: {"ada": duel, "bob": other}, Instance: there}
    return list(unsettled(things, NOW_MS))


def test_a_duel_may_go_on_for_its_time_where_it_was_begun() -> None:
    assert found(FIGHTING, opened()) == found(replace(FIGHTING, duel_zone="meadow")) == []


@pytest.mark.parametrize("until_ms", [NOW_MS, NOW_MS + DUEL_MS + 1])
def test_a_duel_that_takes_too_long_is_found(until_ms: int) -> None:
    assert "fights for longer" in found(replace(FIGHTING, rival_until_ms=until_ms), opened())[0]


@pytest.mark.parametrize("instances", [(), (opened(closing=ENDED),)])
def test_a_duel_in_a_zone_that_has_ended_is_found(instances: tuple[Instance, ...]) -> None:
    assert "which has ended" in found(FIGHTING, *instances)[0]
