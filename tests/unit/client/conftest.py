"""A gateway to test clients against: the server's own protocol core on a real loopback socket, played by a script."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from gameserver.declare.base import Event
from gameserver.declare.session_events import Entrance
from gameserver.limits import Limits
from gameserver.wire.packets import PROTOCOL, Error, Ok, Welcome
from gameserver.wire.server import ServerConnection

TEST_S_MAX = 20


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests that are coroutines."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    test = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    asyncio.run(asyncio.wait_for(test, TEST_S_MAX))
    return True


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition; the test's own timeout bounds it."""
    while not condition():  # noqa: ASYNC110 (conditions of all kinds, most of which set no event)
        await asyncio.sleep(0.001)


class Connection(asyncio.Protocol):
    """One client's connection. ``events``: what arrived on it, in order."""

    def __init__(self, gateway: "ScriptedGateway") -> None:
        self.gateway = gateway
        self.events: list[Event] = []
        self.closed = False
        self.received = bytearray()
        self.wire = ServerConnection(gateway.limits, gateway.greeting)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.gateway.connections.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.gateway.deaf:
            return
        for event in self.wire.receive(data, asyncio.get_running_loop().time()):
            self.events.append(event)
            self.gateway.script(self, event)
        self.flush()

    def flush(self) -> None:
        self.transport.write(self.wire.data_to_send())
        if self.wire.closed:
            self.transport.close()

    def tell(self, *packets: msgspec.Struct) -> None:
        for packet in packets:
            self.wire.send(packet)  # type: ignore[arg-type]
        self.flush()

    def let_in(self, event: Event, *, seq: int = 0, **changes: Any) -> None:
        resumed = event.spec.name == "resume"
        self.gateway.tokens += 1
        self.wire.entered("s1", f"token-{self.gateway.tokens}", resumed=resumed, seq=seq)
        self.tell(Ok(re=event.seq, data=ENTERED | {"seq": seq} | changes))

    def ok(self, event: Event, **data: Any) -> None:
        self.tell(Ok(re=event.seq, data=data or None))

    def refuse(self, event: Event, code: str) -> None:
        if isinstance(event, Entrance):
            self.wire.refused()
        self.tell(Error(re=event.seq, code=code, message=f"This is {code}."))

    def bye(self, code: str) -> None:
        self.wire.close(code, f"This is {code}.")
        self.flush()

    def drop(self) -> None:
        self.transport.abort()

    def seqs(self) -> list[int]:
        """The numbers of what arrived, without the entrance."""
        return [event.seq for event in self.events if not isinstance(event, Entrance)]

    def named(self, name: str) -> list[Any]:
        return [event for event in self.events if event.spec.name == name]


ENTERED = {
    "player": "ada",
    "name": "Ada",
    "session": "s1",
    "zone": "meadow",
    "x": 3,
    "y": 4,
    "hp": 100,
    "hp_max": 100,
    "xp": 0,
}

Script = Callable[[Connection, Event], None]


def friendly(connection: Connection, event: Event) -> None:
    """Lets everybody in, and answers everything with success."""
    if isinstance(event, Entrance):
        connection.let_in(event)
    elif event.spec.name == "move":
        connection.ok(event, zone="meadow", x=3, y=3)
    elif event.spec.name == "logout":
        connection.ok(event)
        connection.bye("logged_out")
    else:
        connection.ok(event)


def silent(connection: Connection, event: Event) -> None:
    """Lets everybody in, and then answers nothing."""
    if isinstance(event, Entrance):
        connection.let_in(event)


class ScriptedGateway:
    """``script`` is called with every event; ``deaf``: bytes are read and passed over."""

    def __init__(self, script: Script, limits: Limits) -> None:
        self.script = script
        self.limits = limits
        self.greeting = Welcome(
            protocol=PROTOCOL,
            catalogue="cafe",
            gateway="g1",
            frame_bytes_max=limits.frame_bytes_max,
            lane_waiting_max=limits.lane_waiting_max,
            packets_per_s=limits.packets_per_s,
            idle_s_max=limits.idle_s_max,
        )
        self.connections: list[Connection] = []
        self.tokens = 0
        self.deaf = False
        self.port = 0

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def last(self) -> Connection:
        return self.connections[-1]


@asynccontextmanager
async def listening(script: Script = friendly, limits: Limits | None = None, port: int = 0) -> AsyncIterator[Any]:
    """A gateway that listens; its connections are gone in the end."""
    gateway = ScriptedGateway(script, limits or Limits())
    server = await asyncio.get_running_loop().create_server(lambda: Connection(gateway), "127.0.0.1", port)
    gateway.port = server.sockets[0].getsockname()[1]
    try:
        yield gateway
    finally:
        server.close()
        for connection in gateway.connections:
            connection.drop()
        await until(lambda: all(connection.closed for connection in gateway.connections))


class Stage:
    """What tests need of this module, which they can't import."""

    listening = staticmethod(listening)
    friendly = staticmethod(friendly)
    silent = staticmethod(silent)
    until = staticmethod(until)
    entered = ENTERED


@pytest.fixture
def stage() -> type[Stage]:
    """Scripted gateways, and waiting for conditions."""
    return Stage
