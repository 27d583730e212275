"""What a batch has to tell, gathered: one message for all gateways that listen to any of its keys."""

from collections.abc import Iterable

from gameserver.events.envelope import GATEWAYS, MANY_ROUTES, Direct, Dispatch, Outbound, gateway_key, routing_key


class Speech:
    """Packets for single connections and for topics, in the order in which they were said."""

    def __init__(self) -> None:
        self._directs: list[Direct] = []
        self._dispatches: list[Dispatch] = []
        self._gateways: dict[str, None] = {}
        self._topics: dict[str, None] = {}

    def direct(self, gateway: str, direct: Direct) -> None:
        """A packet for one connection of this gateway; who has none (any more) is not told."""
        if gateway and direct.conn:
            self._directs.append(direct)
            self._gateways[gateway] = None

    def dispatch(self, dispatch: Dispatch) -> None:
        """A packet for all who watch a topic."""
        self._dispatches.append(dispatch)
        for topic in dispatch.to:
            self._topics[topic] = None

    def heard_by(self, gateways: Iterable[str]) -> None:
        """These gateways have to hear that the batch is done, whatever else there is to tell."""
        self._gateways.update((gateway, None) for gateway in dict.fromkeys(gateways) if gateway)

    def outbound(self, event: str) -> Outbound:
        """The message. ``event``: the name of the batch's type, which this says is done."""
        return Outbound(directs=self._directs, dispatches=self._dispatches, done=event)

    def keys(self) -> tuple[str, ...]:
        """The routing keys under which it goes: the gateways that are told something, and all topics' zones.

        Where these are many, all gateways': dozens of keys cost process, broker and gateways more than they keep away.
        """
        routes = dict.fromkeys(map(routing_key, self._topics))
        return (GATEWAYS,) if len(routes) > MANY_ROUTES else (*map(gateway_key, self._gateways), *routes)
