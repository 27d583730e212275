"""``python -m gameserver``, and the command ``gameserver``: the command line, once a game could be imported."""

import sys

from gameserver.runtime.startup_errors import exit_with_message


def main() -> int:
    """Run a command of the command line. Returns its exit status, 1 where the game's declarations are wrong."""
    with exit_with_message():
        from gameserver.cli import main as run
    return run()


if __name__ == "__main__":
    sys.exit(main())
