"""What a batch has to tell, gathered: one message for all gateways that listen to any of its keys."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import chain

import msgspec

from gameserver.broker.routing import GATEWAYS, MANY_ROUTES, gateway_key, routing_key
from gameserver.messages.outbound import BatchResult, Multicast, Unicast

TOPICS_KEPT = 16_384


def sound_text(text: str) -> str:
    """The text itself. Raises ``TypeError`` or ``UnicodeError`` for what could not be sent as one."""
    if type(text) is not str:
        raise TypeError(f"{type(text).__name__} is no text")
    text.encode()
    return text


@lru_cache(maxsize=TOPICS_KEPT)
def sound_texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts themselves. Raises ``TypeError``, ``ValidationError`` or ``UnicodeError`` like ``sound_text``."""
    "".join(msgspec.convert(texts, tuple[str, ...])).encode()
    return texts


class Speech:
    """Packets for single connections and for topics, in the order in which they were said."""

    def __init__(self) -> None:
        self._directs: list[Unicast] = []
        self._dispatches: list[Multicast] = []
        self._gateways: dict[str, None] = {}
        self._topics: dict[tuple[str, ...], None] = {}

    def direct(self, gateway: str, direct: Unicast) -> None:
        """A packet for one connection of this gateway; who has none (any more) is not told."""
        if gateway and direct.conn:
            self._directs.append(direct)
            self._gateways[gateway] = None

    def dispatch(self, dispatch: Multicast) -> None:
        """A packet for all who watch a topic."""
        self._dispatches.append(dispatch)
        self._topics[dispatch.to] = None

    def heard_by(self, gateways: Iterable[str]) -> None:
        """These gateways have to hear that the batch is done, whatever else there is to tell."""
        self._gateways.update((gateway, None) for gateway in dict.fromkeys(gateways) if gateway)

    def outbound(self, event: str) -> BatchResult:
        """The message. ``event``: the name of the batch's type, which this says is done."""
        return BatchResult(unicasts=self._directs, multicasts=self._dispatches, done=event)

    def keys(self) -> tuple[str, ...]:
        """The routing keys under which it goes: the gateways that are told something, and all topics' zones.

        Where these are many, all gateways': dozens of keys cost process, broker and gateways more than they keep away.
        """
        routes = dict.fromkeys(map(routing_key, chain.from_iterable(self._topics)))
        return (GATEWAYS,) if len(routes) > MANY_ROUTES else (*map(gateway_key, self._gateways), *routes)
