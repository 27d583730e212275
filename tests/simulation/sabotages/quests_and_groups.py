"""Sabotages of quests and groups."""

import pytest
from msgspec.structs import replace

from gameserver.modules.items.things import Moved
from gameserver.modules.quests import progress
from gameserver.modules.quests.entities import Journal
from tests.simulation.sabotages.data import two_transactions
from tests.simulation.sabotages.sabotage import Sabotage, instead
from tests.simulation.sabotages.stories import ADVENTURES


def quests_stay(patch: pytest.MonkeyPatch) -> None:
    """A quest that was paid is under way as before."""
    instead(
        patch,
        "turnin",
        lambda outcome: replace(outcome, put=tuple(thing for thing in outcome.put if not isinstance(thing, Journal))),
    )


def quests_take_nothing(patch: pytest.MonkeyPatch) -> None:
    """What a quest asks for is kept."""
    patch.setattr("gameserver.modules.quests.rules.all_taken", lambda carried, kinds: Moved())


def every_hour_is_another_day(patch: pytest.MonkeyPatch) -> None:
    """A daily quest can be done whenever it was done."""
    real = progress.is_over
    for module in ("progress", "rules"):
        patch.setattr(
            f"gameserver.modules.quests.{module}.is_over",
            lambda journal, quest, now_ms: not quest.daily and real(journal, quest, now_ms),
        )


def who_leaves_stays(patch: pytest.MonkeyPatch) -> None:
    """Who leaves a group is still known as a member of it."""
    instead(patch, "leavegroup", lambda outcome: replace(outcome, drop=()))


SABOTAGES = (
    Sabotage("a quest is paid once", quests_stay, 1, "quests were paid", ADVENTURES),
    Sabotage("a quest takes what it asks for", quests_take_nothing, 1, "no rate of its data file", ADVENTURES),
    Sabotage("a daily quest is paid once a day", every_hour_is_another_day, 8, "times in 1 days", ADVENTURES),
    Sabotage("who leaves a group is out of it", who_leaves_stays, 5, "for the one and not", ADVENTURES),
    Sabotage("a quest is paid in one transaction", two_transactions, 33, "and what events did makes", ADVENTURES),
)
