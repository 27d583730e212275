"""What is spoilt for hostile connections is good before: else nothing but the first check would meet it."""

import random
import re

import msgspec
import pytest

from gameserver.wire.websocket import Opcode, frame
from tests.fuzz.listeners import messages
from tests.unit.gateway.net.test_web_protocol import Web

DECODERS = {0x81: msgspec.json.decode, 0x82: msgspec.msgpack.decode}
PONG = frame(Opcode.PONG, b"ping")


def greeted(seed: int) -> tuple[bytes, int]:
    """Play a browser's good bytes until it is welcomed; gives the subprotocol, and the kind of message that said so."""
    web = Web()
    protocol = web.connect()
    upgrade, *rest = messages(random.Random(seed))
    protocol.dataReceived(upgrade)
    head = protocol.transport.value()
    protocol.transport.clear()
    while b"welcome" not in (answer := protocol.transport.value().replace(PONG, b"")):
        protocol.dataReceived(rest.pop(0))
        web.stage.clock.advance(0.1)
    assert DECODERS[answer[0]](answer[4:])["type"] == "welcome"
    return re.findall(rb"Sec-WebSocket-Protocol: (\S+)\r\n", head)[0], answer[0]


def test_websockets_of_both_codecs_are_played_and_welcomed() -> None:
    found = {greeted(seed) for seed in range(20)}
    assert found == {(b"gameserver.json", 0x81), (b"gameserver.msgpack", 0x82)}


@pytest.mark.parametrize("seed", range(10))
def test_a_browsers_good_messages_are_taken_to_the_last(seed: int) -> None:
    web = Web()
    protocol = web.connect()
    for part in messages(random.Random(seed)):
        protocol.dataReceived(part)
        web.stage.clock.advance(0.1)
    assert b"1002" not in protocol.transport.value()
    assert b"bad_packet" not in protocol.transport.value()
