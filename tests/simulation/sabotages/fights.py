"""Sabotages of combat, of creatures and of what is tamed."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.modules.combat import blows, effects, growth, wounds
from gameserver.rules.outcome import Outcome
from tests.simulation.sabotages.data import two_transactions
from tests.simulation.sabotages.exactly_once import no_watermarks, rows_are_never_done
from tests.simulation.sabotages.sabotage import Sabotage, instead
from tests.simulation.sabotages.stories import FIGHTING


def the_tamed_stay_wild(patch: pytest.MonkeyPatch) -> None:
    """A creature that was tamed is in its lair all the same, for the next one who tames it."""
    instead(patch, "tame", lambda outcome: replace(outcome, put=outcome.put[1:]) if outcome.result.done else outcome)


def the_tamed_are_two(patch: pytest.MonkeyPatch) -> None:
    """Who tames a creature has it twice."""

    def twice(outcome: Outcome) -> Outcome:
        second = [replace(one, id=f"{one.owner}.companion.2") for one in outcome.put if getattr(one, "owner", "")]
        return replace(outcome, put=(*outcome.put, *second))

    instead(patch, "tame", twice)


def the_released_stay(patch: pytest.MonkeyPatch) -> None:
    """Who is let go is told to be gone, and is there."""
    instead(patch, "release", lambda outcome: replace(outcome, drop=()))


def _share(patch: pytest.MonkeyPatch, spoil: Callable[[dict[str, int], int], dict[str, int]]) -> None:
    """Experience is shared in another way."""
    real = wounds.shared
    patch.setattr("gameserver.modules.combat.blows.shared", lambda text, xp, last: spoil(real(text, xp, last), xp))


def everyone_gets_all(patch: pytest.MonkeyPatch) -> None:
    """Each who took part gains what the creature is worth, and one alone gains it twice."""
    _share(patch, lambda shares, xp: dict.fromkeys(shares, xp if len(shares) > 1 else 2 * xp))


def bystanders_gain(patch: pytest.MonkeyPatch) -> None:
    """All experience is for one player, who may not have been there."""
    _share(patch, lambda shares, xp: {"player0": xp})


def rewards_pay_double(patch: pytest.MonkeyPatch) -> None:
    """Who is rewarded gains twice of what the reward says."""
    real = growth.grown
    patch.setattr("gameserver.modules.combat.rules.grown", lambda before, xp: real(before, 2 * xp))


def death_is_free(patch: pytest.MonkeyPatch) -> None:
    """Who dies keeps all experience."""
    patch.setattr("gameserver.modules.combat.rules.left_after_death", lambda xp: xp)


def nobody_falls(patch: pytest.MonkeyPatch) -> None:
    """Who dies is dead, and no event is born of it."""
    real = blows.wound_player

    def wounded(*given: Any) -> Any:
        return real(*given)._replace(events=())

    for module in ("blows", "zone_tick"):
        patch.setattr(f"gameserver.modules.combat.{module}.wound_player", wounded)


def death_costs_levels(patch: pytest.MonkeyPatch) -> None:
    """Death costs the same whatever one has."""
    patch.setattr("gameserver.modules.combat.rules.left_after_death", lambda xp: xp - 10)


def duels_kill(patch: pytest.MonkeyPatch) -> None:
    """A rival's blow is a blow."""
    real = blows.strike_player
    patch.setattr("gameserver.modules.combat.rules.strike_player", lambda *given, spares: real(*given))


def every_tick_pulses(patch: pytest.MonkeyPatch) -> None:
    """Effects act on each tick, doubled ones too, whenever they are due."""
    patch.setattr("gameserver.modules.combat.effects.awaited", lambda due_ms, now_ms, most_ms: False)


def pulses_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    """An effect that has acted has as many pulses left as before."""
    real = effects.pulsed
    patch.setattr("gameserver.modules.combat.zone_tick.pulsed", lambda text, now_ms: (text, real(text, now_ms)[1]))


SABOTAGES = (
    Sabotage("who is tamed is wild no more", the_tamed_stay_wild, 1, "became companions, and {}", FIGHTING),
    Sabotage("who is tamed is one companion", the_tamed_are_two, 1, "creatures.tame changed", FIGHTING),
    Sabotage("who is let go is gone", the_released_stay, 1, "creatures.release changed ()", FIGHTING),
    Sabotage("a creature is tamed once", no_watermarks, 0, "took effect 2 times", FIGHTING),
    Sabotage("a reward is one transaction", two_transactions, 0, "of experience, and what events did makes", FIGHTING),
    Sabotage("experience is shared, and not given to each", everyone_gets_all, 0, "is paid for slaying", FIGHTING),
    Sabotage("experience is for who took part", bystanders_gain, 0, "and took no part", FIGHTING),
    Sabotage("a reward pays what it says", rewards_pay_double, 0, "a reward of", FIGHTING),
    Sabotage("a reward pays once", rows_are_never_done, 0, "/e0 took effect 2 times", FIGHTING),
    Sabotage("death costs experience", death_is_free, 0, "death cost", FIGHTING),
    Sabotage("who dies falls", nobody_falls, 0, "it costs nothing", FIGHTING),
    Sabotage("death costs no level", death_costs_levels, 1, "whose level began with", FIGHTING),
    Sabotage("nobody dies in a duel", duels_kill, 0, "died in a duel", FIGHTING),
    Sabotage("an effect acts when it is due", every_tick_pulses, 0, "ms before its time", FIGHTING),
    Sabotage("an effect acts so often", pulses_are_not_counted, 0, "and all are left", FIGHTING),
)
