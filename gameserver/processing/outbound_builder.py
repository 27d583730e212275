"""Builds a batch's result: one message for all gateways that bind any of its keys."""

from collections.abc import Iterable
from itertools import chain

from gameserver.broker.gateway_routing import GATEWAYS, MANY_ROUTES, gateway_key, routing_key
from gameserver.messages.outbound import BatchResult, Multicast, Unicast


class OutboundBuilder:
    """Collects packets for single connections and for topics, in the order in which they are added."""

    def __init__(self) -> None:
        self._unicasts: list[Unicast] = []
        self._multicasts: list[Multicast] = []
        self._gateways: dict[str, None] = {}
        self._topics: dict[tuple[str, ...], None] = {}

    def add_unicast(self, gateway: str, unicast: Unicast) -> None:
        """Add a packet for one connection of this gateway; without either (the player left) it is left out."""
        if gateway and unicast.conn:
            self._unicasts.append(unicast)
            self._gateways[gateway] = None

    def add_multicast(self, multicast: Multicast) -> None:
        """Add a packet for all who watch a topic."""
        self._multicasts.append(multicast)
        self._topics[multicast.to] = None

    def add_gateways(self, gateways: Iterable[str]) -> None:
        """Add gateways that have to hear that the batch is done, whatever else the result holds."""
        self._gateways.update(dict.fromkeys(filter(None, gateways)))

    def result(self, event: str) -> BatchResult:
        """Make the message. ``event``: the name of the batch's type, which it says is done."""
        return BatchResult(unicasts=self._unicasts, multicasts=self._multicasts, done=event)

    def keys(self) -> tuple[str, ...]:
        """Compute the routing keys under which it goes: of the gateways with something to hear, and of all topics.

        Where these are many, the key of all gateways: dozens cost process, broker and gateways more than they save.
        """
        routes = dict.fromkeys(map(routing_key, chain.from_iterable(self._topics)))
        return (GATEWAYS,) if len(routes) > MANY_ROUTES else (*map(gateway_key, self._gateways), *routes)
