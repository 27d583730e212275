"""The playground: a page for developers on which exactly-once can be seen. Served by ``gameserver dev`` alone.

It shows several players side by side and all that travels. Its buttons kill what they name, so no page of another
server may press them: a browser says with each ``POST`` which page it comes from.
"""

import logging
import os
import signal
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from gameserver.local.supervisor import Control
from gameserver.operations import catalogue_export
from gateway.clock import Clock
from gateway.web.site import INDEX, KINDS, Page, page

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "playground"
PLACE = "/playground"
CATALOGUE = f"{PLACE}/catalogue.json"
LAST_WORDS_S = 0.2  # after which the gateway kills itself: the button's answer is read until then


def pages() -> Mapping[str, Callable[[], Page]]:
    """The pages of the playground by their paths; the catalogue is made as it is now."""
    files_ = {f"{PLACE}/{file.name}": partial(_page, file) for file in FOLDER.iterdir()}
    return {**files_, PLACE: files_[f"{PLACE}/{INDEX}"], CATALOGUE: _catalogue}


def _page(file: Path) -> Page:
    return page(KINDS[file.suffix], file.read_bytes())


def _catalogue() -> Page:
    return page(KINDS[".json"], catalogue_export.text().encode())


def acts(clock: Clock, var: Path) -> Mapping[str, Callable[[], str]]:
    """What the buttons do, by the paths that they post to; each says what it did."""
    return {
        f"{PLACE}/kill/gateway": lambda: _kill_gateway(clock),
        f"{PLACE}/kill/worker": lambda: _kill_workers(var),
    }


def _kill_gateway(clock: Clock) -> str:
    log.warning("the playground kills this gateway")
    clock.callLater(LAST_WORDS_S, os.kill, os.getpid(), signal.SIGKILL)
    return "The gateway is killed in an instant."


def _kill_workers(var: Path) -> str:
    """Kill the workers that supervisord runs; it starts them again. Raises ``Corrupt`` ``not_up`` without it."""
    control = Control.of(var)
    workers = [info for info in control.ask("getAllProcessInfo") if info["name"].startswith("worker")]
    for info in workers:
        control.ask("signalProcess", f"{info['group']}:{info['name']}", "KILL")
    killed = ", ".join(info["name"] for info in workers)
    log.warning("the playground killed %s", killed)
    return f"Killed: {killed}."
