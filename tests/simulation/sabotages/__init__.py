"""Guarantees, each switched off by itself: what the adversary is held to.

Those of one part of the server, or of some modules of the game, stand in one file.
"""

from tests.simulation.sabotages import (
    building,
    data,
    economy,
    exactly_once,
    fights,
    gateways,
    keeping,
    quests_and_groups,
    sessions_and_time,
    travel,
    workers,
)
from tests.simulation.sabotages.sabotage import Sabotage

__all__ = ["SABOTAGES", "Sabotage"]

SABOTAGES: tuple[Sabotage, ...] = (
    *exactly_once.SABOTAGES,
    *data.SABOTAGES,
    *workers.SABOTAGES,
    *gateways.SABOTAGES,
    *sessions_and_time.SABOTAGES,
    *economy.SABOTAGES,
    *keeping.SABOTAGES,
    *quests_and_groups.SABOTAGES,
    *travel.SABOTAGES,
    *building.SABOTAGES,
    *fights.SABOTAGES,
)
