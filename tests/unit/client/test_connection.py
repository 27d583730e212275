"""One connection: packets in and out, keep-alive, and a loss that is reported once."""

import time
from typing import Any

import pytest

from gameserver.client.connection import Connection, Dialer
from gameserver.client.errors import ConnectionLost
from gameserver.wire.packets import Pong

HELLO = {"type": "hello", "protocol": 1, "catalogue": ""}


class Reports:
    """What a connection reports."""

    def __init__(self) -> None:
        self.packets: list[dict[str, Any]] = []
        self.lost: list[str] = []

    def packet(self, packet: dict[str, Any]) -> None:
        self.packets.append(packet)

    def gone(self, connection: Connection, reason: ConnectionLost) -> None:
        self.lost.append(reason.code)


@pytest.mark.parametrize("codec", ["msgpack", "json"])
async def test_packets_travel_in_either_codec(stage: Any, codec: Any) -> None:
    reports = Reports()
    async with stage.listening() as gateway:
        connection = await Dialer([gateway.address], codec).dial(reports.packet, reports.gone)
        connection.write(HELLO, {"type": "ping"})
        await stage.until(lambda: reports.packets)
        assert [packet["type"] for packet in reports.packets] == ["welcome"]  # the pong is not handed on
        await connection.close(1.0)
        assert reports.lost == []


async def test_each_dial_takes_the_next_address(stage: Any) -> None:
    reports = Reports()
    async with stage.listening() as one, stage.listening() as two:
        dialer = Dialer([one.address, two.address])
        for _ in range(3):
            await dialer.dial(reports.packet, reports.gone)
        await stage.until(lambda: len(one.connections) == 2 and len(two.connections) == 1)


async def test_a_silent_peer_is_dropped(stage: Any) -> None:
    reports = Reports()
    async with stage.listening() as gateway:
        gateway.deaf = True
        connection = await Dialer([gateway.address]).dial(reports.packet, reports.gone)
        connection.keep_alive(0.01, 100.0)
        await stage.until(lambda: reports.lost)
        assert reports.lost == ["silent"]


async def test_who_hears_is_not_asked_and_who_says_nothing_gives_a_sign_of_life(stage: Any) -> None:
    reports = Reports()
    async with stage.listening() as gateway:
        connection = await Dialer([gateway.address], "json").dial(reports.packet, reports.gone)
        connection.write(HELLO)
        await stage.until(lambda: reports.packets)
        connection.keep_alive(0.2, 0.05)
        await stage.until(lambda: gateway.last.tell(Pong()) or gateway.last.received.count(b"ping") >= 3)
        assert reports.lost == []
        await connection.close(1.0)


async def test_a_silent_peer_is_asked_before_it_is_given_up(stage: Any) -> None:
    """Who was suspended has heard nothing either: the answer is waited for."""
    reports = Reports()
    async with stage.listening() as gateway:
        connection = await Dialer([gateway.address]).dial(reports.packet, reports.gone)
        connection.write(HELLO)
        await stage.until(lambda: reports.packets)
        connection.keep_alive(0.2, 100.0)
        time.sleep(0.5)  # noqa: ASYNC251 (the whole process stands still)
        await stage.until(lambda: gateway.last.received.count(b"ping") or reports.lost)
        assert reports.lost == []
        await connection.close(1.0)


async def test_a_loss_is_reported_once_and_nothing_is_written_after_it(stage: Any) -> None:
    reports = Reports()
    async with stage.listening() as gateway:
        connection = await Dialer([gateway.address]).dial(reports.packet, reports.gone)
        connection.drop(ConnectionLost("broken_stream", ""))
        connection.drop(ConnectionLost("silent", ""))
        connection.write(HELLO)
        await connection.closed
        assert reports.lost == ["broken_stream"]
