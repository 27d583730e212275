"""``python -m gameserver.local.check``: read the game as its files are now; print its families, or what is wrong."""

import sys

from gameserver.runtime.starting import ending_in_a_sentence


def main() -> int:
    """Return 0 where a server could be started. Ends with a sentence, and status 1, where it could not."""
    with ending_in_a_sentence():
        from gameserver import config
        from gameserver.declare import catalogue
        from gameserver.rules.book import rules
        from gameserver.world.maps import load_world

        rules()
        load_world(config.load().world_file)
    print(*catalogue.families())
    return 0


if __name__ == "__main__":
    sys.exit(main())
