"""``python -m gateway``: run one gateway. Endpoints come from GAMESERVER_ENDPOINTS or from the command line."""

import argparse
import logging
import sys
from typing import Any

from msgspec.structs import replace
from twisted.internet.error import CannotListenError
from twisted.python.failure import Failure
from twisted.python.log import PythonLoggingObserver

from gameserver.runtime.startup_errors import exit_with_message
from gateway.net.reactor import install

reactor = install()  # before what follows imports Twisted's own

with exit_with_message():
    from gameserver import config
    from gameserver.local.game_check import begin_check

    settings = config.load()
    # A gateway begins with no game that its workers would refuse. It is read while the rest of this is imported.
    refuse_bad_game = begin_check(settings)

    from gameserver.runtime.gc_tuning import freeze_gc
    from gameserver.runtime.logging import set_up_logging
    from gateway.service import Gateway

log = logging.getLogger("gateway")


def main() -> int:
    """Run until SIGINT or SIGTERM. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description="Run one gateway.")
    parser.add_argument(
        "endpoints",
        nargs="*",
        help="Twisted endpoint strings: tcp:4000, ssl:4443:privateKey=...:certKey=...; shared:4000 with other gateways",
    )
    arguments = parser.parse_args()
    with exit_with_message():
        refuse_bad_game()
        gateway = Gateway(replace(settings, endpoints=tuple(arguments.endpoints) or settings.endpoints), reactor)
    set_up_logging(settings.log_level, settings.log_form)
    PythonLoggingObserver("twisted").start()
    return _run(gateway, reactor)


def _run(gateway: Gateway, reactor: Any) -> int:
    status: list[int] = []

    def failed(failure: Failure) -> None:
        status.append(1)
        failure.trap(CannotListenError, ValueError)
        log.error("cannot listen: %s", failure.value)
        reactor.stop()

    gateway.startService()
    freeze_gc()
    reactor.callWhenRunning(lambda: gateway.listen().addErrback(failed))
    reactor.addSystemEventTrigger("before", "shutdown", gateway.stopService)
    reactor.run()
    return status[0] if status else 0


if __name__ == "__main__":
    sys.exit(main())
