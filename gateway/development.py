"""A gateway's part in ``gameserver dev``: it takes up what the game's events are now, while its clients stay connected.

``gameserver dev`` writes a file for that. The gateway reads the declarations anew and decodes packets by them from then
on. An event that it accepted before and that no process will be able to read any more is refused, if it was not
published; if it was, all lanes wait until processes have answered it. Then the gateway gives the file the name for
which workers look, and they read the game anew too. So no worker meets a client's event that it can't read.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import Event
from gameserver.declare.rereading import read_anew
from gameserver.messages.envelope import Envelope
from gameserver.wire.codecs import take_up_catalogue
from gateway.hub import Hub

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.05
ANSWERED_S_MAX = 5.0  # so long an event that was published in its old form may take

DECLARED_ANEW = "This event was declared anew before it was answered."


class Development:
    """Follows what ``gameserver dev`` writes.

    ``offered``: the file that it writes, ``stamp``: its name when workers may go on. ``on_catalogue``: called when the
    catalogue is another one.
    """

    def __init__(
        self, hub: Hub, offered: Path, stamp: Path, clock_s: Callable[[], float], on_catalogue: Callable[[], None]
    ) -> None:
        self._hub = hub
        self._offered = offered
        self._stamp = stamp
        self._clock_s = clock_s
        self._on_catalogue = on_catalogue
        self._since_s: float | None = None  # since when processes are to answer the last events of before

    def look(self) -> None:
        """Take up what is offered. Called every now and then."""
        if self._since_s is None and self._offered.exists():
            self._take_up()
        if self._since_s is not None:
            self._go_on(self._since_s)

    def _take_up(self) -> None:
        try:
            read_anew()
        except Exception as fault:
            log.error("the old declarations go on: %s", fault)
            self._offered.unlink()
            return
        take_up_catalogue()
        self._on_catalogue()
        self._hub.take_up_catalogue()
        self._hub.refuse_waiting(is_outdated, "unavailable", DECLARED_ANEW)
        self._hub.hold()
        self._since_s = self._clock_s()

    def _go_on(self, since_s: float) -> None:
        overdue = self._clock_s() - since_s > ANSWERED_S_MAX
        if self._hub.has_in_flight(is_outdated) and not overdue:
            return
        self._hub.refuse_in_flight(is_outdated, "in_doubt", DECLARED_ANEW)
        self._offered.replace(self._stamp)
        self._since_s = None
        self._hub.release()
        log.info("the declarations are read anew")


def is_outdated(envelope: Envelope) -> bool:
    """Whether an event that was decoded before could not be read, or answered, by the declarations of now."""
    event = envelope.event
    known = catalogue.events().get(event.spec.name)
    if known is None or (known.spec.task, known.spec.lane) != (event.spec.task, event.spec.lane):
        return True
    return not _reads(event, known)


def _reads(event: Event, known: type[Event]) -> bool:
    try:
        msgspec.convert(msgspec.to_builtins(event), known)
    except msgspec.ValidationError:
        return False
    return True
