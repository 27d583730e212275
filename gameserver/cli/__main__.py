"""``python -m gameserver.cli``: the same as ``python -m gameserver``."""

import sys

from gameserver.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
