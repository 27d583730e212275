"""The connection in use is made within a bound, and forgotten when it is lost or given up."""

from typing import Any

import pytest

from gameserver.client.connection import Dialer
from gameserver.client.connector import Connector
from gameserver.client.errors import ConnectionLost
from gameserver.client.limits import ClientLimits
from gameserver.wire.packets import PROTOCOL

HELLO = {"type": "hello", "protocol": PROTOCOL, "catalogue": ""}


class Events:
    """What a connector reports."""

    def __init__(self, gateway: Any, **limits: float) -> None:
        self.lost: list[str] = []
        dialer = Dialer([gateway.address])
        self.connector = Connector(dialer, HELLO, ClientLimits(**limits), self.packet, self.gone)

    def packet(self, packet: dict[str, Any]) -> None:
        if packet["type"] == "welcome":
            self.connector.handshake.succeed(packet)

    def gone(self, reason: ConnectionLost) -> None:
        self.lost.append(reason.code)


async def test_greeting_gives_the_welcome_and_keeps_the_connection(stage: Any) -> None:
    async with stage.listening() as gateway:
        events, welcomes = Events(gateway), []
        await events.connector.greet(welcomes.append)
        assert welcomes[0]["gateway"] == "g1"
        assert events.connector.connection is not None
        events.connector.hang_up()


async def test_a_loss_is_reported_once_and_fails_the_open_handshake(stage: Any) -> None:
    async with stage.listening() as gateway:
        events = Events(gateway)
        await events.connector.greet(print)
        reply = events.connector.handshake.begin(1, pytest.fail)
        gateway.last.drop()
        with pytest.raises(ConnectionLost, match="connection_lost"):
            await reply
        events.connector.drop(ConnectionLost("silent", ""))
        assert events.lost == ["connection_lost"]
        with pytest.raises(ConnectionLost, match="connection_lost"):
            await events.connector.ask(HELLO, pytest.fail)


async def test_what_is_given_up_is_not_reported_as_lost(stage: Any) -> None:
    async with stage.listening() as gateway:
        events = Events(gateway)
        await events.connector.greet(print)
        events.connector.hang_up()
        await stage.until(lambda: gateway.last.closed)
        events.connector.write(HELLO)
        assert events.lost == []


async def test_an_attempt_that_takes_too_long_leaves_no_connection(stage: Any) -> None:
    async with stage.listening() as gateway:
        gateway.deaf = True
        events = Events(gateway, attempt_s_max=0.05)
        with pytest.raises(TimeoutError):
            async with events.connector.attempt():
                await events.connector.greet(pytest.fail)
        assert events.connector.connection is None
        await stage.until(lambda: gateway.last.closed)
        assert events.lost == []
