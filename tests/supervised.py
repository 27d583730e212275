"""``python -m tests.supervised FOLDER MODULE...``: a supervisord for workers, as `gameserver up` has it, until SIGTERM.

Workers are forks of it, and share its modules.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

from gameserver.local.supervisor import Stop, run, stoppable

UP = "All is up."


def main(folder: Path, *modules: str) -> None:
    """Run it."""
    with suppress(Stop), stoppable():
        run([], folder=folder, cwd=Path.cwd(), environ=os.environ, where=UP, preloaded=modules)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
