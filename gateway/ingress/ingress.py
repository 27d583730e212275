"""Admit what clients send: each event goes into its lane, or is refused at the door.

What is certainly not in the queue may be refused. What may be there is in doubt (its lane knows): it is never refused,
but published again until a process answers. Clients' events stand in their lanes as long as the broker is away.
"""

from collections.abc import Callable

from gameserver.broker.topology import Queues
from gameserver.declare.base import Event
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.security.sealing import Sealer
from gameserver.security.tokens import token_hash
from gameserver.wire.states import State
from gateway.connections.connection import Connection
from gateway.connections.writer import Writer
from gateway.ingress.availability import FamilyAvailability, nobody_serves
from gateway.ingress.lane_scheduler import LaneScheduler


class Ingress:
    """The way in for clients' events. ``now_ms``: server time."""

    def __init__(
        self,
        *,
        gateway: str,
        limits: Limits,
        queues: Queues,
        sealer: Sealer,
        now_ms: Callable[[], int],
        lanes: LaneScheduler,
        writer: Writer,
        availability: FamilyAvailability,
    ) -> None:
        self._gateway = gateway
        self._limits = limits
        self._queues = queues
        self._sealer = sealer
        self._now_ms = now_ms
        self._lanes = lanes
        self._writer = writer
        self._availability = availability

    def accept(self, connection: Connection, event: Event) -> None:
        """Take a client's event into its lane, or refuse it.

        What the client sent before, on another connection, may be in the queue: it is never refused. Who sends more of
        that than can have been left unanswered is told goodbye, which says nothing of the events; the lane is full, so
        that none overtakes what was left out.
        """
        if event.seq <= connection.protocol.sent_before_to:
            self._accept_again(connection, event)
        elif not self._availability.all_up and (unserved := self._unserved(connection, event)):
            self._lanes.refuse(connection, event, "unavailable", nobody_serves(unserved))
        elif self._lanes.unanswered >= self._limits.gateway_waiting_max or not self._take(connection, event):
            self._lanes.refuse(connection, event, "busy", "Too many events wait. Try again in a moment.")

    def _accept_again(self, connection: Connection, event: Event) -> None:
        if not self._take(connection, event, sent_before=True):
            self._writer.close(connection, "too_many_unanswered")

    def _take(self, connection: Connection, event: Event, *, sent_before: bool = False) -> bool:
        return self._lanes.accept(connection, self._envelope(connection, event), sent_before=sent_before)

    def _unserved(self, connection: Connection, event: Event) -> str:
        """The family for want of which an event would wait in its lane, its own or that of what is before it."""
        families = event.spec.family, connection.lanes[event.spec.lane].family
        return next((family for family in families if self._availability.is_down(family)), "")

    def _envelope(self, connection: Connection, event: Event) -> Envelope:
        return Envelope(
            id=f"{connection.session_id or connection.id}:{event.seq}",
            event=self._sealer.seal(event),
            at_ms=self._now_ms(),
            conn=connection.id,
            session=connection.session_id,
            player=connection.player,
            gateway=self._gateway,
            token=token_hash(connection.token) if connection.protocol.state is State.ENTERING else "",
            shard_key=connection.shard_key if self._queues.split else "",
        )
