"""Sabotages of sessions, ticks and clocks."""

import pytest

from tests.simulation.sabotages.sabotage import Sabotage
from tests.simulation.sabotages.stories import RESUMED, SKEWED


def no_ears(patch: pytest.MonkeyPatch) -> None:
    """Who is silent is dead, whoever else was heard."""
    patch.setattr("gameserver.modules.sessions.rules._was_calm", lambda state, now_ms: True)


def any_resume(patch: pytest.MonkeyPatch) -> None:
    """The last one that comes counts, by no clock and no count."""
    patch.setattr("gameserver.modules.sessions.rules._resumed_later", lambda state, session, event, context: False)


def any_tick(patch: pytest.MonkeyPatch) -> None:
    """A tick has the number that its beat gave it, by whatever clock."""
    patch.setattr("gameserver.modules.world.rules._number", lambda n, now_ms: n)
    patch.setattr("gameserver.modules.world.rules.TOLERANCE_TICKS", 10**9)


def any_time(patch: pytest.MonkeyPatch) -> None:
    """Gateways go by their machines' clocks, an event happened when they say, and who acted in the future waits."""
    patch.setattr("gameserver.server_time.ServerClock.now_ms", lambda self: int(self._wall_ms()))
    patch.setattr("gameserver.processing.applier._happens_ms", lambda envelope, now_ms: envelope.at_ms)
    for module in ("movement", "combat"):
        patch.setattr(f"gameserver.modules.{module}.rules.awaited", lambda due_ms, now_ms, most_ms: now_ms < due_ms)


SABOTAGES = (
    Sabotage("when nobody was heard it is the ears", no_ears, 347, "a living gateway"),
    Sabotage("ticks are numbered by server time", any_tick, 44, "the world stands still"),
    Sabotage("nobody's clock is believed blindly", any_time, 7, "too_fast", SKEWED),
    Sabotage("an older resume that comes late is known", any_resume, 1, "session lost", RESUMED),
)
