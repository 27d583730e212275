"""Celery's beat, which does not begin with a game that its workers would refuse: no signal comes before its banner."""

from celery.apps.beat import Beat

from gameserver import config
from gameserver.local.game_check import begin_check
from gameserver.runtime.startup_errors import exit_with_message


class CheckedBeat(Beat):
    """Celery's beat, with that."""

    def run(self) -> None:
        """Read the game, and begin. Ends the process with a sentence where something is wrong with the game."""
        with exit_with_message():
            begin_check(config.load())()
        super().run()
