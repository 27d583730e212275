"""Notice which families do not answer, and whether this gateway hears any: probe, tell players, show the present.

Somebody may have removed from the broker what is needed. What is published into nothing, and a family that does not
answer, are a reason to declare all of it again; what nobody notices in time (a queue of the dead letters, of retries, a
key of a gateway's own queue) is declared again every now and then without a reason.
"""

import logging
from functools import partial

from gameserver.wire.packets import Unavailable
from gateway.clock import Clock
from gateway.connections.registry import ConnectionRegistry
from gateway.connections.writer import Writer
from gateway.egress.dispatcher import Dispatcher
from gateway.ingress.availability import FamilyAvailability, nobody_serves
from gateway.ingress.lane_scheduler import LaneScheduler
from gateway.ingress.publisher import Publisher
from gateway.ingress.recovery import Recovery

log = logging.getLogger(__name__)

RESTORE_PAUSE_S = 5.0  # between two tries where events lead nowhere; the first is made at once


class OutageWatch:
    """Acts on what ``availability`` judges of the families."""

    def __init__(
        self,
        *,
        clock: Clock,
        availability: FamilyAvailability,
        registry: ConnectionRegistry,
        writer: Writer,
        lanes: LaneScheduler,
        publisher: Publisher,
        recovery: Recovery,
        dispatcher: Dispatcher,
    ) -> None:
        self._clock = clock
        self._availability = availability
        self._registry = registry
        self._writer = writer
        self._lanes = lanes
        self._publisher = publisher
        self._recovery = recovery
        self._dispatcher = dispatcher
        self._restores_s = 0.0  # when it may be tried again

    def look(self) -> None:
        """Judge the families, but while the broker takes nothing: then it is not they who do not answer."""
        if self._publisher.broker.blocked:
            self._availability.excuse(self._clock.seconds())
        else:
            self._judge(self._clock.seconds())

    def _judge(self, now_s: float) -> None:
        judged = self._availability.sweep(now_s)
        if judged.probes or self._leads_nowhere(now_s):
            self._restore(judged.deaf, now_s)
        if self._availability.missed:
            log.warning("answers went by unheard: players are shown the present")
            self._show_present()
        for batches in judged.probes:
            if self._recovery.probe(batches):
                self._availability.probed(batches[0].family, now_s)
        for family in judged.fallen:
            log.warning("nobody serves %s", family)
            self._writer.send_all(self._registry.playing, Unavailable(family=family))
            self._lanes.refuse_waiting(family, "unavailable", nobody_serves(family))
        for family in judged.back:
            self._writer.send_all(self._registry.playing, Unavailable(family=family, back=True))

    def _leads_nowhere(self, now_s: float) -> bool:
        if not self._publisher.led_nowhere or now_s < self._restores_s:
            return False
        self._publisher.led_nowhere = False
        self._restores_s = now_s + RESTORE_PAUSE_S
        return True

    def restore(self) -> None:
        """Have all stand on the broker that is needed, and hear all that is watched."""
        self._restore(False, self._clock.seconds())

    def _restore(self, deaf: bool, now_s: float) -> None:
        if self._publisher.broker.up:
            restored = partial(self._restored, deaf, now_s)
            self._publisher.broker.restore().addCallbacks(restored, lambda failure: self._dispatcher.bind_all())

    def _restored(self, deaf: bool, now_s: float, outbound_was_missing: bool) -> None:
        """Hear again what somebody has cut off, if it was that. What was missed meanwhile is shown as it is now.

        Another gateway may have made the exchange anew, without this one's bindings. Then nothing was heard of anybody,
        as when all workers are away: the next answer tells which it was.
        """
        self._dispatcher.bind_all()
        if outbound_was_missing:
            log.warning("somebody removed the exchange outbound: it stands again, and players are shown the present")
            self._show_present()
        elif deaf:
            self._availability.doubt(now_s)

    def _show_present(self) -> None:
        self._availability.missed = False
        for connection in self._registry.playing:
            self._dispatcher.refresh_view(connection)
