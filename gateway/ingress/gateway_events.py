"""Emit the gateway's own events: that it lives, that a player is gone or returns, that a client needs a view.

Clients' events stand in their lanes until they are answered. The gateway's own stand nowhere, so those that nobody else
would ever say are kept here while the broker is away, and are tried again when their publishing failed.
"""

from collections.abc import Callable, Sequence

from gameserver.declare.base import Event
from gameserver.declare.session_events import Lost, Rejoin
from gameserver.messages.envelope import Envelope
from gateway.clock import Clock
from gateway.connections.connection import Connection
from gateway.connections.registry import ConnectionRegistry
from gateway.ingress.publisher import Publisher

AGAIN_S = 1.0  # until what failed is tried again


class Emitter:
    """Publishes the gateway's own events, or keeps them. ``now_ms``: server time."""

    def __init__(
        self,
        *,
        clock: Clock,
        gateway: str,
        now_ms: Callable[[], int],
        registry: ConnectionRegistry,
        publisher: Publisher,
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._now_ms = now_ms
        self._registry = registry
        self._publisher = publisher
        self._emitted = 0
        self._retained: list[Envelope] = []

    def emit(self, event: Event, *, conn: str = "", session: str = "", player: str = "") -> None:
        """Emit an event on behalf of a connection, or of the gateway itself."""
        self._emitted += 1
        envelope = Envelope(
            id=f"{conn or self._gateway}:{event.spec.name}{self._emitted}",
            event=event,
            at_ms=self._now_ms(),
            conn=conn,
            session=session,
            player=player,
            gateway=self._gateway,
        )
        self._send([envelope])

    def emit_for(self, connection: Connection, event: Event) -> None:
        """Emit an event on behalf of a connection's player."""
        self.emit(event, conn=connection.id, session=connection.session_id, player=connection.player)

    def retain(self, envelopes: Sequence[Envelope]) -> None:
        """Keep, until the broker is back, those of these events that nobody else would say: that a player is gone."""
        self._retained += [e for e in envelopes if e.event.spec.origin == "gateway" and isinstance(e.event, Lost)]

    def emit_retained(self) -> None:
        """Emit what was kept: the broker is back."""
        retained, self._retained = self._retained, []
        for envelope in retained:
            self._send([envelope])

    def try_again(self, envelopes: Sequence[Envelope]) -> bool:
        """Emit a failed batch again after a while if nobody else would ever say it. Returns whether that is so."""
        awaited = isinstance(envelopes[0].event, Lost | Rejoin)
        if awaited:
            self._clock.callLater(AGAIN_S, self._emit_again, envelopes)
        return awaited

    def _emit_again(self, envelopes: Sequence[Envelope]) -> None:
        """Who is gone does not return: saying so after the loss would bring the player back for good."""
        for envelope in envelopes:
            if isinstance(envelope.event, Lost) or self._registry.get(envelope.conn) is not None:
                self._send([envelope])

    def _send(self, envelopes: Sequence[Envelope]) -> None:
        if self._publisher.broker.up:
            self._publisher.publish(envelopes)
        else:
            self.retain(envelopes)
