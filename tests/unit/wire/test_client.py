from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.wire.client import SERVER_FRAME_BYTES_MAX, ClientConnection
from gameserver.wire.codecs import json_codec, msgpack_codec
from gameserver.wire.errors import WireFault
from gameserver.wire.packets import Bye, Ok, Pong

CODECS: dict[Any, Any] = {"json": json_codec(), "msgpack": msgpack_codec()}

both = pytest.mark.parametrize("codec", CODECS)


@both
@given(cut=st.integers(0, 200))
def test_what_a_server_says_is_heard_however_it_is_cut(codec: Any, cut: int) -> None:
    client = ClientConnection(codec)
    packets = [Ok(re=1, data=[1, "ü\n"]), Pong(t=4), Bye(code="idle_timeout", message="Bye.")]
    stream = b"".join(map(CODECS[codec].encode, packets))
    heard = client.receive(stream[:cut]) + client.receive(stream[cut:])
    assert heard == [msgspec.to_builtins(packet) for packet in packets]


@both
def test_what_a_client_says_is_heard_by_a_server(codec: Any) -> None:
    raw = ClientConnection(codec).encode({"type": "say", "text": "ü\n", "seq": 3})
    frames, fault = CODECS[codec].framing(500).feed(raw)
    assert fault is None
    assert CODECS[codec].decode(frames[0], 8).text == "ü\n"


def test_a_server_that_never_ends_a_line_is_a_fault_after_what_it_said_before() -> None:
    client = ClientConnection("json")
    assert client.receive(b'{"type":"pong"}\n' + b"x" * (SERVER_FRAME_BYTES_MAX + 1)) == [{"type": "pong"}]
    assert isinstance(client.fault, WireFault)
    assert client.fault.code == "frame_too_large"


@both
def test_a_server_that_talks_nonsense_is_a_fault_and_nothing_after_it_is_heard(codec: Any) -> None:
    sense = ClientConnection(codec).encode({"type": "pong"})
    client = ClientConnection(codec)
    assert client.receive(sense + (b"[1]\n" if codec == "json" else b"\x00\x00\x00\x01\x90") + sense) == [
        {"type": "pong"}
    ]
    assert client.fault is not None
    assert client.receive(sense) == []
