"""Exports a gateway's metrics to Prometheus. They are collected from the meters on request, in the reactor's thread."""

import logging
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from prometheus_client import GC_COLLECTOR, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from twisted.internet.error import CannotListenError
from twisted.web.resource import Resource
from twisted.web.server import Site

from gameserver.config import Address
from gameserver.declare import catalogue
from gameserver.messages.process_reports import GatewayReport
from gateway.hub import Hub
from gateway.metrics.meters import EventMeter, Histogram

log = logging.getLogger(__name__)

_EVENT = ("family", "event")
_TIMES = {
    "gameserver_reply_seconds": ("reply_ms", "From an event's packet to its reply"),
    "gameserver_gateway_wait_seconds": ("gateway_ms", "From an event's packet to its publishing: lane and batch"),
    "gameserver_queue_wait_seconds": ("queue_ms", "From publishing to a process's taking it up"),
    "gameserver_process_seconds": ("process_ms", "What the process needed for the batch an event was in"),
}


class HubCollector(Collector):
    """Collects metrics from the hub and its meters."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterable[Metric]:
        """Yield all metrics with their present values."""
        yield from self._people()
        yield from self._events()
        yield from self._families()
        yield from self._registries()

    def _registries(self) -> Iterator[Metric]:
        kept = GaugeMetricFamily("gameserver_gateway_kept", "Entries of the gateway's registries", labels=["registry"])
        for registry, entries in self._hub.kept.items():
            kept.add_metric([registry], entries)
        yield kept

    def _people(self) -> Iterator[Metric]:
        meters, connections = self._hub.meters, self._hub.connections
        packets = meters.packets + sum(connection.protocol.packets for connection in connections)
        refused = meters.packets_refused + sum(connection.protocol.packets_refused for connection in connections)
        yield _gauge("gameserver_connections", "Open connections", len(connections))
        yield _gauge("gameserver_connections_max", "Connections that are let in", self._hub.connections_max)
        yield _gauge(
            "gameserver_players", "Connections that play", sum(connection.playing for connection in connections)
        )
        yield _counter("gameserver_connections_opened", "Connections that were let in", meters.connected)
        yield _counter("gameserver_packets", "Packets from clients", packets)
        yield _counter("gameserver_packets_refused", "Packets that the protocol itself refused", refused)
        ended = CounterMetricFamily("gameserver_disconnects", "Connections that ended", labels=["reason"])
        for reason, count in sorted(meters.disconnects.items()):
            ended.add_metric([reason], count)
        yield ended

    def _events(self) -> Iterator[Metric]:
        meters = self._hub.meters
        known = sorted(meters.events.items())
        ends = CounterMetricFamily("gameserver_events", "Events by how they ended", labels=[*_EVENT, "outcome"])
        for name, meter in known:
            for outcome, count in sorted(meter.outcomes.items()):
                ends.add_metric([*_labels(name), outcome], count)
        yield ends
        for metric, (attribute, text) in _TIMES.items():
            yield _histograms(metric, text, known, attribute, 1_000)
        yield _histograms("gameserver_batch_events", "Events in a published batch", known, "batch", 1)
        fan_out = HistogramMetricFamily("gameserver_fan_out", "Clients that a packet for a topic went to")
        _add(fan_out, [], meters.fan_out, 1)
        yield fan_out
        yield _counter("gameserver_outbound", "Messages from processes", meters.outbound)

    def _families(self) -> Iterator[Metric]:
        meters, seen_ms = self._hub.meters, self._hub.meters.looked_ms
        away = self._hub.unavailable
        waiting = GaugeMetricFamily("gameserver_waiting_events", "Events released and unanswered", labels=["family"])
        age = GaugeMetricFamily("gameserver_oldest_event_age_seconds", "Age of the oldest of these", labels=["family"])
        down = GaugeMetricFamily("gameserver_family_unavailable", "Whether nobody serves a family", labels=["family"])
        for family in catalogue.families():
            waiting.add_metric([family], meters.waiting[family])
            age.add_metric([family], max(0, seen_ms - meters.oldest_ms.get(family, seen_ms)) / 1000)
            down.add_metric([family], family in away)
        yield from (waiting, age, down)
        yield _gauge("gameserver_broker_up", "Whether the gateway has its broker", self._hub.has_broker)
        yield _gauge("gameserver_gateway_busy_ratio", "Part of the time without rest", self._hub.pace.busy)
        yield _gauge("gameserver_gateway_stretch", "Times by which waits are stretched", self._hub.pace.stretch)
        yield _gauge("gameserver_clock_skew_seconds", "This machine's clock less server time", self._hub.skew_s)


def _labels(event: str) -> list[str]:
    found = catalogue.events().get(event)
    return [found.spec.family if found else "", event]


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _histograms(name: str, text: str, known: list[tuple[str, EventMeter]], attribute: str, unit: int) -> Metric:
    family = HistogramMetricFamily(name, text, labels=_EVENT)
    for event, meter in known:
        histogram: Histogram = getattr(meter, attribute)
        if any(histogram.counts):
            _add(family, _labels(event), histogram, unit)
    return family


def _add(family: HistogramMetricFamily, labels: list[str], histogram: Histogram, unit: int) -> None:
    bounds = [*(f"{bound / unit:g}" for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    family.add_metric(labels, buckets, histogram.total / unit)


class Exposition:
    """Serves the metrics as text: over HTTP, and as reports through the broker."""

    def __init__(self, hub: Hub, gateway: str) -> None:
        self._hub = hub
        self._gateway = gateway
        self._registry = CollectorRegistry()
        self._registry.register(HubCollector(hub))
        ProcessCollector(registry=self._registry)
        self._registry.register(GC_COLLECTOR)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def report(self, about: str) -> GatewayReport:
        """Return a report of all metrics, or of the event with the id ``about``: its times in each batch it was in."""
        if not about:
            return GatewayReport(gateway=self._gateway, metrics=self.text().decode())
        return GatewayReport(gateway=self._gateway, times=self._hub.times_of(about))

    def listen(self, reactor: Any, where: Address) -> Any:
        """Listen for Prometheus. Where its port is taken, use a free one, and warn. Returns Twisted's port."""
        site = Site(_Resource(self))
        site.noisy = False
        try:
            return reactor.listenTCP(where.port, site, interface=where.host)
        except CannotListenError as taken:
            log.warning("metrics: %s; taking a free port", taken)
            return reactor.listenTCP(0, site, interface=where.host)


class _Resource(Resource):
    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, exposition: Exposition) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._exposition = exposition

    def render_GET(self, request: Any) -> bytes:  # noqa: N802
        """Answer any path with the metrics."""
        request.setHeader(b"Content-Type", CONTENT_TYPE_LATEST.encode())
        return self._exposition.text()
