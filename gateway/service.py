"""Wires the parts of a gateway together, starts it and shuts it down.

A shutdown takes no new connections, tells clients to resume at another gateway, waits a bounded time until the events
under way are answered, closes the connections, reports to the data tier which sessions left, and disconnects from the
broker last.
"""

import logging
import secrets
import time
from functools import partial
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet import defer, task
from twisted.internet.protocol import Factory

from gameserver.broker.topology import topology
from gameserver.config import PLAYER, Address, Settings, read_endpoint
from gameserver.declare.session_events import HEARTBEAT_MS
from gameserver.messages import process_reports
from gameserver.messages.outbound import BatchResult, Outbound, Query
from gameserver.runtime import prometheus_targets
from gameserver.security.sealing import Sealer, read_key
from gameserver.wire.text_codec import title
from gateway.amqp.broker import Broker
from gateway.development import LOOK_EVERY_S, Development
from gateway.egress.nearest_gateway import GatewayDirectory
from gateway.hub import Hub
from gateway.metrics.exposition import Exposition
from gateway.net.client_socket import ConnectionLimiter
from gateway.net.descriptors import fit_connections, raise_descriptors
from gateway.net.endpoints import listen
from gateway.net.player_protocol import PlayerFactory
from gateway.net.telnet_protocol import TelnetFactory
from gateway.net.web_protocol import WebFactory
from gateway.web import events
from gateway.web.site import Site, pages_of

log = logging.getLogger(__name__)

HEARTBEAT_S = HEARTBEAT_MS / 1000
SWEEP_S = 1.0
RESTORE_S = 30.0
ACKNOWLEDGE_S = 0.2
PACE_S = 0.25
DRAIN_S = 8.0
DRAIN_STEP_S = 0.05

WHAT_FOR = {"web": " for browsers", "telnet": " for telnet"}  # said of where a gateway listens, by the kind of endpoint


class Gateway(Service):
    """A gateway process."""

    def __init__(self, settings: Settings, reactor: Any) -> None:
        self._reactor = reactor
        self._settings = settings
        self._limits = fit_connections(settings.limits, raise_descriptors())
        # The configured name, and a random part: a process that had the name before is another gateway.
        self.name = f"{settings.gateway_id or 'gateway'}-{secrets.token_hex(4)}"
        self.hub = Hub(
            clock=reactor,
            gateway=self.name,
            limits=self._limits,
            queues=settings.queues,
            sealer=Sealer(read_key(settings.secret_key_file)),
            wall_ms=lambda: int(time.time() * 1000),
            mint=secrets.token_urlsafe,
            directory=GatewayDirectory(settings.gateway_id, settings.gateways, settings.web_gateways),
        )
        self.broker = Broker(
            reactor=reactor,
            amqp_url=settings.amqp_url,
            gateway=self.name,
            topology=topology(settings.limits, settings.queues),
            limits=self._limits,
            on_outbound=self._receive,
            on_up=self.hub.broker_up,
            on_down=self.hub.broker_down,
            attend=reactor.attend,
        )
        self.hub.use(self.broker)
        self._exposition = Exposition(self.hub, self.name)
        self._announced: Path | None = None
        self._loops = [
            (task.LoopingCall(self.hub.heartbeat), HEARTBEAT_S),
            (task.LoopingCall(self.hub.sweep), SWEEP_S),
            (task.LoopingCall(self.hub.restore), RESTORE_S),
            (task.LoopingCall(self.broker.acknowledge_rest), ACKNOWLEDGE_S),
            (task.LoopingCall(self._look_at_pace), PACE_S),
            *self._development(),
        ]
        self._ports: list[Any] = []
        self._factories = {PLAYER: self._player_factory, "web": self._web_factory, "telnet": self._telnet_factory}

    def _development(self) -> list[tuple[task.LoopingCall, float]]:
        """What looks whether the game was changed, where it may be."""
        if not self._settings.dev:
            return []
        offered, stamp = self._settings.reload_offered, self._settings.reload_stamp
        follower = Development(self.hub, offered, stamp, self._reactor.seconds, self._take_up_topology)
        return [(task.LoopingCall(follower.look), LOOK_EVERY_S)]

    def _take_up_topology(self) -> None:
        self.broker.use(topology(self._settings.limits, self._settings.queues))

    def startService(self) -> None:  # noqa: N802
        """Connect to the broker, serve metrics and start the periodic calls. Clients need not wait for the broker."""
        super().startService()  # type: ignore[no-untyped-call]
        self.broker.start()
        if self._settings.metrics is not None:
            self._show_metrics(self._settings.metrics)
        for loop, seconds in self._loops:
            loop.clock = self._reactor
            loop.start(seconds, now=False)

    def _show_metrics(self, where: Address) -> None:
        port = self._exposition.listen(self._reactor, where)
        self._ports.append(port)
        found = Address(where.host, port.getHost().port)
        self._announced = prometheus_targets.announce(self._settings.var / "metrics", "gateway", str(self.name), found)
        log.info("metrics on http://%s/metrics", found)

    def _look_at_pace(self) -> None:
        self.hub.pace.look(self._reactor.seconds(), self._reactor.rested_s)

    def _receive(self, outbound: Outbound) -> None:
        """Pass a batch's result on to the connections, or answer a question about this gateway."""
        if isinstance(outbound, BatchResult):
            self.hub.handle_result(outbound)
        else:
            self._answer(outbound)

    def _answer(self, query: Query) -> None:
        self.broker.report(query.reply_to, process_reports.encode(self._exposition.report(query.event_id)))

    @defer.inlineCallbacks
    def listen(self) -> Any:
        """Listen on every endpoint of the settings. Fails with Twisted's ``CannotListenError``."""
        limiter = ConnectionLimiter(self._limits)
        for endpoint in map(read_endpoint, self._settings.endpoints):
            factory = self._factories[endpoint.kind](limiter, introduced=endpoint.introduced)
            port = yield listen(self._reactor, endpoint.text, factory)
            self._ports.append(port)
            log.info("gateway %s listens on %s%s", self.name, port.getHost(), WHAT_FOR.get(endpoint.kind, ""))

    def _player_factory(self, limiter: ConnectionLimiter, *, introduced: bool) -> Factory:
        return PlayerFactory(self.hub, limiter, introduced=introduced)

    def _web_factory(self, limiter: ConnectionLimiter, *, introduced: bool) -> Factory:
        return WebFactory(
            self.hub,
            limiter,
            introduced=introduced,
            pages=self._site(),
            origins=self._settings.web_origins | pages_of(self._settings.web_gateways.values()),
            clock=self._reactor,
            idle_s=self._limits.login_timeout_s,
        )

    def _site(self) -> Site:
        """What browsers are served: under ``gameserver dev`` the playground too."""
        made = {events.PLACE: events.events_page}
        site = partial(Site, title=title(), sockets=self._settings.web_gateways.values())
        if not self._settings.dev:
            return site(made)
        from gateway.web import playground  # what it imports no other gateway needs

        acts = playground.acts(self._reactor, self._settings.var)
        return site({**made, **playground.pages()}, acts)

    def _telnet_factory(self, limiter: ConnectionLimiter, *, introduced: bool) -> Factory:
        began_s = int(time.time())

        def about() -> dict[str, str]:
            return {"NAME": title(), "PLAYERS": str(self.hub.players), "UPTIME": str(began_s)}

        return TelnetFactory(self.hub, limiter, introduced=introduced, about=about)

    @defer.inlineCallbacks
    def stopService(self) -> Any:  # noqa: N802
        """Shut down in the order that the module's docstring tells. Fires when the broker is disconnected."""
        yield defer.maybeDeferred(super().stopService)
        for port in self._ports:
            yield defer.maybeDeferred(port.stopListening)
        prometheus_targets.withdraw(self._announced)
        self.hub.dismiss()
        yield self._until(lambda: self.hub.unanswered == 0)
        for connection in self.hub.connections:
            connection.outgoing.finish(connection.protocol.goodbye)
        yield self._until(lambda: not self.hub.connections)
        for loop, _ in self._loops:
            loop.stop()
        yield self._until(lambda: self.hub.all_published)
        yield self.broker.stop()

    @defer.inlineCallbacks
    def _until(self, condition: Any) -> Any:
        deadline_s = self._reactor.seconds() + DRAIN_S
        while not condition() and self._reactor.seconds() < deadline_s:
            yield task.deferLater(self._reactor, DRAIN_STEP_S)
