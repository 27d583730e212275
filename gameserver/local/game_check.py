"""``python -m gameserver.local.game_check``: read the game as its files are now; say what is wrong.

Every process that serves a game has this done at its start, in a process of its own: a gateway needs neither rules nor
maps nor migrations, and shall not begin with a game whose workers refuse it.
"""

import subprocess
import sys
from collections.abc import Callable

from gameserver.config import Settings
from gameserver.declare.game_package import package
from gameserver.errors import Corrupt
from gameserver.runtime.startup_errors import SPEAKER, exit_with_message

READ = "read"  # said at the end: whatever else ends the process has not read the game
COMMAND = (sys.executable, "-m", "gameserver.local.game_check")


def main() -> int:
    """Return 0 where a server could be started. Ends with a sentence, and status 1, where it could not."""
    with exit_with_message():
        from gameserver import config

        read_game(config.load())
    print(READ)
    return 0


def read_game(settings: Settings) -> None:
    """Read everything that a game declares. Raises ``Corrupt`` for the first thing that is wrong."""
    from gameserver.declare.game_package import own_folders
    from gameserver.declare.importing import faults_named

    with faults_named("bad_game", own_folders(), ""):
        _read(settings)


def _read(settings: Settings) -> None:
    from gameserver.client.bots.profile import profile
    from gameserver.declare import catalogue
    from gameserver.declare.client_view import followers
    from gameserver.declare.entity import begun
    from gameserver.declare.misplaced import refuse_misplaced
    from gameserver.declare.phrasebook import phrasebook
    from gameserver.declare.roles import roles
    from gameserver.declare.source_checks import refuse_in_sources
    from gameserver.maps.data_files import refuse_unasked
    from gameserver.maps.world import load_world
    from gameserver.rules.book import rules
    from gameserver.rules.map_misfits import fittings
    from gameserver.rules.map_redraws import redrawings
    from gameserver.store.own_migrations import refuse_missing

    rules()
    catalogue.fingerprint()  # what clients are told can be put together
    followers()
    phrasebook()
    refuse_misplaced()
    begun()
    roles()
    profile()
    fittings()
    redrawings()
    refuse_unasked()
    refuse_missing()
    load_world(settings.world_file)
    refuse_in_sources()  # after all that is read


def begin_check(settings: Settings) -> Callable[[], None]:
    """Let another process read the game. Returns a function that waits for it and raises ``Corrupt`` with what it says.

    Nothing is done where whoever started this process has read the game already (``settings.checked``).
    """
    if settings.checked:
        return lambda: None
    process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end() -> None:
        read, said = (text.splitlines() for text in process.communicate())
        if process.returncode or READ not in read[-1:]:
            sentences = [line.removeprefix(SPEAKER) for line in said if line.startswith(SPEAKER)]
            ended = (
                f"Reading the game {package()} ended with status {process.returncode}, before it was read to its end."
            )
            raise Corrupt("bad_game", sentences[-1] if sentences else ended)

    return end


if __name__ == "__main__":
    sys.exit(main())
