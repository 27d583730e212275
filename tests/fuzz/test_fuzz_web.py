"""Arbitrary bytes against a socket for browsers, at a hub without a network: no exception, and nothing stays behind."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.fuzz.test_fuzz_websocket import any_frames, good_frames
from tests.fuzz.test_fuzz_wire import packets
from tests.unit.gateway.net.test_web_protocol import GET, UPGRADE, Web
from tests.unit.wire.test_websocket import masked

requests = st.sampled_from(
    [
        GET % b"/",
        GET % b"/nowhere",
        UPGRADE % (b"/socket", b""),
        UPGRADE % (b"/socket", b"Sec-WebSocket-Protocol: gameserver.msgpack\r\n"),
        UPGRADE % (b"/elsewhere", b""),
        b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PROXY TCP4 10.7.7.7 10.9.9.9 1234 4080\r\n",
    ]
)
messages = packets.map(lambda packet: masked(0x81, msgspec.json.encode(packet)))
streams = st.lists(requests | messages | good_frames | any_frames | st.binary(max_size=60), max_size=15)


@settings(max_examples=80, deadline=None)
@given(
    st.booleans(), st.booleans(), streams, st.lists(st.sampled_from(["pause", "resume", "wait", "half"]), max_size=4)
)
def test_any_bytes_of_a_browser_do_no_harm(
    introduced: bool, upgrades: bool, stream: list[bytes], what: list[str]
) -> None:
    web = Web()
    protocol: Any = web.connect(introduced=introduced)
    if upgrades:
        protocol.dataReceived(b"PROXY UNKNOWN\r\n" * introduced + UPGRADE % (b"/socket", b""))
    for n, chunk in enumerate(stream):
        protocol.dataReceived(chunk)
        act = what[n] if n < len(what) else ""
        if act in ("pause", "resume") and not protocol.transport.disconnecting:
            protocol.pauseProducing() if act == "pause" else protocol.resumeProducing()
        elif act == "half":
            protocol.readConnectionLost()
        elif act == "wait":
            web.stage.clock.advance(1)
            web.stage.hub.sweep()
    protocol.connectionLost(Failure(ConnectionDone()))
    web.stage.clock.advance(1)
    assert web.stage.hub.connections == []
    assert web.limiter.inside == 0
