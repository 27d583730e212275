"""``python -m gameserver.local.check``: read the game as its files are now; print its families, or what is wrong."""

import sys

from gameserver.runtime.startup_errors import exit_with_message

MIGRATIONS = "--migrations"  # look for a missing one too, which takes a second


def main() -> int:
    """Return 0 where a server could be started. Ends with a sentence, and status 1, where it could not."""
    with exit_with_message():
        from gameserver import config
        from gameserver.declare import catalogue
        from gameserver.maps.world import load_world
        from gameserver.rules.book import rules
        from gameserver.store.own_migrations import refuse_missing

        rules()
        if MIGRATIONS in sys.argv[1:]:
            refuse_missing()
        load_world(config.load().world_file)
    print(*catalogue.families())
    return 0


if __name__ == "__main__":
    sys.exit(main())
