"""Strangers come with bytes of any kind and go: of each gone one a gateway keeps nothing, whatever it has sent.

Three times as many as before must leave as much in memory, counted in entries and objects, but for what ``FILLS``.
"""

import gc
import logging
import random
import sys
from collections import Counter
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gameserver.declare.field_descriptions import hints
from gameserver.messages.outbound import BatchResult, SessionUpdate, Unicast
from gameserver.wire.codecs import client_packets
from gateway.egress.dispatcher import TOLD_KEPT
from gateway.metrics.meters import REMEMBERED_MAX
from gateway.net.client_socket import ConnectionLimiter
from gateway.net.player_protocol import PlayerFactory
from gateway.net.telnet_protocol import TelnetFactory
from gateway.net.web_protocol import WebFactory
from gateway.web.site import Site
from tests.fuzz import listeners
from tests.registries import OURS, registries
from tests.unit.gateway.fakes import Published, Stage, reply

STRANGERS = 300
LET_IN = 0.4  # how likely an entrance succeeds
GONE_S = 60.0
LATE = 10  # reasons and codes, of which there are few, that chance brings only to a later stranger
FILLS = {
    "Hub.meters.disconnects": LATE,
    "Hub.meters.events[].outcomes": LATE,
    "Hub.meters._remembered": REMEMBERED_MAX,
    "Hub.meters._remembered[].events": REMEMBERED_MAX,
    "Hub._dispatcher._told._known": TOLD_KEPT,
    "Hub._dispatcher._mailed._known": TOLD_KEPT,
}
FILLING_TYPES = {"gateway.metrics.batch_times.BatchTimes"}


class Strangers:
    """Sockets at all listeners of a hub without a network, and processes that answer what comes of them."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.stage = Stage()
        self.limiter = ConnectionLimiter(self.stage.limits)
        player: Factory = PlayerFactory(self.stage.hub, self.limiter)
        web: Factory = WebFactory(
            self.stage.hub,
            self.limiter,
            introduced=False,
            pages=Site(),
            origins=(),
            clock=self.stage.clock,
            idle_s=self.stage.limits.login_timeout_s,
        )
        telnet: Factory = TelnetFactory(self.stage.hub, self.limiter, introduced=False, about=dict)
        self._listeners = (
            (player, listeners.lines),
            (player, listeners.frames),
            (web, listeners.messages),
            (web, listeners.pages),
            (telnet, listeners.typing),
        )
        self.answered: Counter[str] = Counter()

    def come_and_go(self, how_many: int) -> None:
        """Let so many come, each from an address of its own, and wait until nothing of theirs is under way."""
        for n in range(how_many):
            self._come_and_go(f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}")
        self._pass_time()

    def _come_and_go(self, address: str) -> None:
        factory, good = self._listeners[self._rng.randrange(len(self._listeners))]
        protocol: Any = factory.buildProtocol(IPv4Address("TCP", address, 1))
        protocol.makeConnection(StringTransport())
        data = listeners.spoilt(self._rng, good(self._rng)) if self._rng.random() < 0.9 else self._rng.randbytes(500)
        edges = sorted(self._rng.randint(0, len(data)) for _ in range(3))
        for a, b in zip([0, *edges], [*edges, len(data)], strict=True):
            protocol.dataReceived(data[a:b])
            self.stage.clock.advance(0.01)
            if self._rng.random() < 0.8:
                self._answer()
        if self._rng.random() < 0.3:
            protocol.readConnectionLost()
        protocol.connectionLost(Failure(ConnectionLost()))  # type: ignore[no-untyped-call]

    def _pass_time(self) -> None:
        for _ in range(int(GONE_S)):
            self.stage.clock.advance(1.0)
            self._answer()
            self.stage.hub.sweep()
            self.stage.broker.bound.clear()

    def _answer(self) -> None:
        for task in self.stage.broker.take():
            self.answered[task.name] += len(task.batch)
            unicasts = [self._reply(task, n) for n in range(len(task.batch))]
            began_ms = int(self.stage.clock.seconds() * 1000)
            told = BatchResult(unicasts=unicasts, done=task.name, task=task.message.task_id, began_ms=began_ms)
            self.stage.tell(told)

    def _reply(self, task: Published, n: int) -> Unicast:
        envelope = task.batch[n]
        if envelope.player or self._rng.random() > LET_IN:
            return reply(envelope.conn, envelope.event, code=self._rng.choice(("", "wrong_password", "wall")))
        topics = {"view": (f"zone.z{self._rng.randrange(10**6)}",), "channels": (envelope.id,)}
        follow = SessionUpdate(session=envelope.conn, player=f"p{envelope.id}", watch=topics)
        return reply(envelope.conn, envelope.event, follow=follow)

    def entries(self) -> Counter[str]:
        """How many entries stand in whatever can be reached from the hub, the sockets' limits, and all modules."""
        return registries(self.stage.hub) + registries(self.limiter) + _of_modules()


def _of_modules() -> Counter[str]:
    found: Counter[str] = Counter()
    for module in [module for name, module in sys.modules.items() if name.startswith(OURS)]:
        for name, value in vars(module).items():
            if isinstance(value, dict | list | set) and not name.startswith("__"):
                found[f"{module.__name__}.{name}"] = len(value)
            elif isinstance(value, _lru_cache_wrapper) and value.cache_info().maxsize is None:
                found[f"{module.__name__}.{name}"] = value.cache_info().currsize
    return found


def objects() -> Counter[str]:
    """How many objects of ours live, by type."""
    gc.collect()
    names = (f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    return Counter(name for name in names if name.startswith((*OURS, "twisted.")))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_of_strangers_who_have_gone_nothing_is_kept() -> None:
    for cls in client_packets().values():
        hints(cls)  # which are read once for each class, whoever sends it first
    strangers = Strangers(seed=1)
    strangers.come_and_go(STRANGERS)
    entries, living = strangers.entries(), objects()
    strangers.come_and_go(3 * STRANGERS)
    grown = strangers.entries() - entries
    assert {path: more for path, more in grown.items() if more > FILLS.get(path, 0)} == {}
    assert {kind: more for kind, more in (objects() - living).items() if kind not in FILLING_TYPES} == {}
    assert strangers.limiter.inside == 0
    assert {"register", "login", "resume", "move", "say"} <= set(strangers.answered), "they did not come far enough"


def test_what_is_remembered_of_an_event_is_not_what_it_says() -> None:
    stage = Stage()
    ada = stage.player()
    ada.send(type="say", text="\N{OWL}" * 300, seq=2)
    (task,) = stage.broker.take("say")
    stage.tell(BatchResult(done=task.name, task=task.message.task_id, began_ms=1))
    assert [times.accepted_ms for times in stage.hub.times_of(task.batch[0].id)] == [task.batch[0].at_ms]
    (batch,) = [batch for batch in stage.hub.meters.remembered if batch.task_id == task.message.task_id]
    assert batch.events == [(task.batch[0].id, "ada", task.batch[0].at_ms)]
