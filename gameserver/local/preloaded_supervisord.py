"""``python -m gameserver.local.preloaded_supervisord CONFIGURATION MODULE...``: supervisord, modules imported once.

Programs that run in this interpreter are forks of it and share the memory of these modules, and begin at once. Other
programs are executed as ever, those among them that are told something of their own in the environment (by `env`).
"""

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from supervisor import supervisord
from supervisor.options import ServerOptions

from gameserver.local.forking import become, module_of
from gameserver.local.supervisor import CWD


class ForkingOptions(ServerOptions):  # type: ignore[misc]
    """supervisord's doings, of which one is done otherwise: how a process that was forked becomes a program."""

    pid = os.getpid()

    def execve(self, filename: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Become the program."""
        module = module_of(argv)
        if module:
            become(module, env, self.pid)
        super().execve(filename, argv, env)


def main(configuration: str, *modules: str) -> None:
    """Import the modules, and run supervisord in the foreground."""
    sys.path[0] = os.environ[CWD]  # where its programs will run
    for module in modules:
        import_module(module)
    supervisord.ServerOptions = ForkingOptions
    gc.freeze()  # a search for garbage would write to all of this memory, and unshare it
    supervisord.main(("-n", "-c", configuration))


if __name__ == "__main__":
    main(*sys.argv[1:])
