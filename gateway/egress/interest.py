"""Subscriptions: the connections of each topic, and the routing keys to which the gateway's queue must be bound."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Generic, TypeVar

from gameserver.broker.gateway_routing import routing_key

C = TypeVar("C")


class Interest(Generic[C]):
    """The topics that connections watch. A connection has them in named slots, each of which is replaced as a whole."""

    def __init__(self) -> None:
        # Dictionaries as ordered sets: recipients must have one order in each run, or no simulation could be repeated.
        self._watchers: dict[str, dict[C, None]] = {}
        self._slots: dict[C, dict[str, tuple[str, ...]]] = {}
        self._uses: dict[str, int] = {}  # how many topics with this routing key have watchers

    @property
    def keys(self) -> list[str]:
        """Return the routing keys that have watchers."""
        return list(self._uses)

    @property
    def topics(self) -> int:
        """How many topics have watchers."""
        return len(self._watchers)

    @property
    def watchers(self) -> int:
        """How many connections watch anything."""
        return len(self._slots)

    def watch(self, conn: C, slot: str, topics: tuple[str, ...]) -> tuple[list[str], list[str]]:
        """Replace the topics of a connection's slot. Returns the routing keys to bind, and those to unbind."""
        slots = self._slots.setdefault(conn, {})
        before = slots.get(slot, ())
        slots[slot] = topics
        bind = [key for topic in topics if topic not in before for key in self._add(conn, topic)]
        unbind = [key for topic in before if topic not in topics for key in self._remove(conn, topic)]
        return [k for k in bind if k in self._uses], [k for k in unbind if k not in self._uses]

    def forget(self, conn: C) -> list[str]:
        """Remove a connection and its topics. Returns the routing keys to unbind."""
        topics = [topic for slot in self._slots.pop(conn, {}).values() for topic in slot]
        unbind = [key for topic in topics for key in self._remove(conn, topic)]
        return [key for key in unbind if key not in self._uses]

    def audience(self, to: Sequence[str], unless: Sequence[str]) -> list[C]:
        """Return the connections that watch a topic of ``to`` and none of ``unless``, in the order of subscription."""
        found = [self._watchers[topic] for topic in to if topic in self._watchers]
        audience: Iterable[C] = found[0] if len(found) == 1 else dict.fromkeys(chain.from_iterable(found))
        without = [self._watchers[topic] for topic in unless if topic in self._watchers]
        return [conn for conn in audience if not any(conn in other for other in without)] if without else list(audience)

    def _add(self, conn: C, topic: str) -> list[str]:
        watchers = self._watchers.setdefault(topic, {})
        watchers[conn] = None
        if len(watchers) > 1:
            return []
        key = routing_key(topic)
        self._uses[key] = self._uses.get(key, 0) + 1
        return [key] if self._uses[key] == 1 else []

    def _remove(self, conn: C, topic: str) -> list[str]:
        watchers = self._watchers.get(topic, {})
        watchers.pop(conn, None)
        if watchers:
            return []
        self._watchers.pop(topic, None)
        key = routing_key(topic)
        self._uses[key] = self._uses.get(key, 1) - 1
        if self._uses[key]:
            return []
        del self._uses[key]
        return [key]
