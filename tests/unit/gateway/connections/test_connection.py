from typing import Any

from twisted.internet.testing import StringTransport

from gameserver.limits import Limits
from gameserver.wire.packets import Pong, Welcome
from gameserver.wire.server import ServerConnection
from gateway.connections.connection import Connection
from gateway.net.transport import Transport

GREETING = Welcome(
    protocol=1,
    catalogue="",
    gateway="g1",
    frame_bytes_max=50,
    lane_waiting_max=1,
    packets_per_s=1.0,
    idle_s_max=1.0,
)


def connection() -> tuple[Connection, Any]:
    socket = StringTransport()
    limits = Limits()
    return Connection(
        id_="c1",
        token="t1",
        protocol=ServerConnection(limits, GREETING),
        transport=Transport(socket),
        limits=limits,
        now_s=0.0,
    ), socket


def test_the_gateways_own_packets_are_told_in_words_to_who_has_not_said_how_to_speak() -> None:
    it, socket = connection()
    it.send(Pong(t=7))
    it.outgoing.flush()
    assert socket.value() == b'{"type":"pong","t":7}\n'


def test_what_is_queued_goes_out_before_a_connection_closes_and_nothing_is_told_to_it_later() -> None:
    it, socket = connection()
    it.subscribe()
    it.outgoing.put(b"farewell")
    it.begin_closing(5.0)
    assert (socket.value(), socket.disconnecting) == (b"farewell", True)
    assert it.outgoing.broadcast_codec is None
    assert (it.closing_for_s(7.0), it.ending, it.gone) == (2.0, "hung_up", False)


def test_a_lane_is_made_when_it_is_first_asked_for() -> None:
    it, _ = connection()
    assert it.lanes.get("act") is None
    assert it.lanes["act"] is it.lanes["act"]
    assert (list(it.lanes), it.lanes.unanswered) == (["act"], 0)
