"""The floor: a Twisted process that receives and broadcasts, in memory. No queue, no process tier, no database.

It speaks the same bytes as this server, for walking only, and promises nothing: what it costs is what a game server in
one Python process costs at least. It is written as one would write it, one ``transport.write`` per packet and client.
"""

from collections import defaultdict
from typing import Any

import msgspec
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol

from gameserver.declare.packet_parts import complete
from gameserver.limits import Limits
from gameserver.modules.movement.events import Appeared, Being, Moved, Walked
from gameserver.modules.movement.rules import STEPS
from gameserver.modules.sessions.events import Entered
from gameserver.wire.codecs import msgpack_codec
from gameserver.wire.frames import Prefixed
from gameserver.wire.packets import Hello, Ok, Ping, Pong, Token, Welcome
from tests.benchmarks import zones

LIMITS = Limits()
CODEC = msgpack_codec()
ENTERED: Any = complete(Entered)
BEING: Any = complete(Being)
WELCOME = Welcome(
    protocol=1,
    catalogue="",
    gateway="floor",
    frame_bytes_max=LIMITS.frame_bytes_max,
    lane_waiting_max=LIMITS.lane_waiting_max,
    packets_per_s=LIMITS.packets_per_s,
    idle_s_max=LIMITS.idle_s_max,
)


class Walker(Protocol):
    """A client: its socket, and its player."""

    def __init__(self, crowds: "defaultdict[str, set[Walker]]") -> None:
        self._crowds = crowds
        self._framing = Prefixed(LIMITS.frame_bytes_max)
        self.name = self.zone = ""
        self.x = self.y = self.v = 0

    def connectionMade(self) -> None:  # noqa: N802
        """Send what is written without delay, as the gateway does."""
        self.transport.setTcpNoDelay(True)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Take packets."""
        for frame in self._framing.feed(data)[0]:
            self.take(CODEC.decode(frame, LIMITS.json_depth_max))

    def take(self, packet: Any) -> None:
        """Do what a packet asks for."""
        if isinstance(packet, Hello):
            self.send(WELCOME)
        elif isinstance(packet, Ping):
            self.send(Pong(t=packet.t))
        elif packet.spec.name == "resume":
            self.enter(packet.token.removeprefix(zones.token("")), packet.seq)
        elif packet.spec.name == "move":
            self.move(packet)

    def enter(self, name: str, seq: int) -> None:
        """Come into the world."""
        n = int(name[1:])
        self.name, (self.zone, self.x, self.y) = name, zones.small(n)
        self._crowds[self.zone].add(self)
        body = ENTERED(
            player=name, name=name, session=name, zone=self.zone, x=self.x, y=self.y, hp=100, hp_max=100, xp=0
        )
        self.send(Token(token="", session=name))
        self.send(Ok(re=seq, data=body))
        you = BEING(id=name, name=name, kind="player", x=self.x, y=self.y, hp=100, v=self.v)
        self.send(Appeared(being=you))

    def move(self, packet: Any) -> None:
        """One step, in memory."""
        dx, dy = STEPS[packet.dir]
        self.x, self.y, self.v = self.x + dx, self.y + dy, self.v + 1
        self.moved(packet.seq)

    def moved(self, seq: int) -> None:
        """The step is answered, and seen by all in the zone."""
        self.send(Ok(re=seq, data=Walked(zone=self.zone, x=self.x, y=self.y)))
        seen = CODEC.frame(msgspec.msgpack.encode(Moved(who=self.name, x=self.x, y=self.y, v=self.v)))
        for other in self._crowds[self.zone]:
            other.transport.write(seen)  # type: ignore[union-attr]

    def send(self, packet: Any) -> None:
        """A packet to this client."""
        self.transport.write(CODEC.encode(packet))  # type: ignore[union-attr]

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        """Gone."""
        self._crowds[self.zone].discard(self)


class Walkers(Factory):
    """Makes clients of one kind, which share what they are given."""

    noisy = False

    def __init__(self, kind: Any, *shared: Any) -> None:
        self._kind, self._shared = kind, shared

    def buildProtocol(self, address: Any) -> Any:  # noqa: N802
        """A new client."""
        return self._kind(*self._shared)


def serve(factory: Factory) -> None:
    """Listen on a free port, say where, and run."""
    listening = serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(factory)
    listening.addCallback(lambda port: print(f"gateway bench listens on {port.getHost()}", flush=True))
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    serve(Walkers(Walker, defaultdict(set)))
