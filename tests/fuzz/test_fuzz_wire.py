"""Arbitrary bytes against the server's side of a connection."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gameserver.limits import Limits
from gameserver.wire.client import ClientConnection
from gameserver.wire.codecs import client_packets
from gameserver.wire.frames import prefix
from gameserver.wire.packets import PROTOCOL, Welcome
from gameserver.wire.server import FLOOD_FACTOR, ServerConnection
from gameserver.wire.states import State
from tests.unit.messages import samples

LIMITS = Limits(frame_bytes_max=200, packets_burst=20)
GREETING = Welcome(
    protocol=PROTOCOL,
    catalogue="cafe",
    gateway="g1",
    frame_bytes_max=200,
    lane_waiting_max=32,
    packets_per_s=50.0,
    idle_s_max=300.0,
)
ERROR_BYTES_MAX = 700

packets = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(client_packets())) | st.text(max_size=8)},
    optional={
        "seq": st.integers(-5, 2**64 - 1),
        "text": st.text(samples.characters, max_size=10),
        "protocol": st.integers(0, 2),
        "name": st.text(samples.characters, max_size=6),
        "password": st.text(samples.characters, max_size=6),
        "token": st.text(samples.characters, max_size=6),
        "dir": st.sampled_from(["n", "up"]),
        "t": st.integers(-(2**63), 2**63 - 1),
    },
)
chunks = st.lists(
    st.binary(max_size=60)
    | st.binary(max_size=60).map(prefix)
    | st.binary(max_size=60).map(lambda raw: b"{" + raw + b"}\n")
    | packets.map(lambda packet: msgspec.json.encode(packet) + b"\n")
    | packets.map(lambda packet: prefix(msgspec.msgpack.encode(packet))),
    max_size=25,
)
first_bytes = st.sampled_from([b"", b"{}\n", prefix(b"\x80"), b" ", b"\x00"])


def held_bytes(connection: ServerConnection) -> int:
    """How many received bytes the connection still holds."""
    if connection.codec is None:
        return 0
    framing: Any = connection._framing
    return len(framing._rest if connection.codec.name == "json" else framing._buffer)


@settings(max_examples=400, deadline=None)
@given(first_bytes, chunks)
def test_any_bytes_do_no_harm_and_no_event_passes_before_login(first: bytes, stream: list[bytes]) -> None:
    connection = ServerConnection(LIMITS, GREETING)
    for chunk in [first, *stream]:
        before = connection.state
        events = connection.receive(chunk, 0.0)
        assert len(events) <= 1, "before the game has answered a login, nothing more passes"
        assert all(event.spec.name in ("register", "login", "resume") for event in events)
        assert not events or before in (State.NEW, State.GREETED)
        said = connection.data_to_send()
        frames_max = len(chunk) + 2
        assert len(said) <= frames_max * ERROR_BYTES_MAX
        if not connection.closed:
            assert held_bytes(connection) <= LIMITS.frame_bytes_max + 4


@settings(max_examples=200, deadline=None)
@given(first_bytes, chunks)
def test_any_bytes_of_one_who_plays_give_events_whose_numbers_rise(first: bytes, stream: list[bytes]) -> None:
    connection = ServerConnection(LIMITS, GREETING)
    client = ClientConnection("json" if first[:1] in (b"{", b" ") else "msgpack")
    login = {"type": "login", "name": "ada", "password": "long enough"}
    connection.receive(b"".join(map(client.encode, ({"type": "hello", "protocol": PROTOCOL}, login))), 0.0)
    connection.entered("s1", "t1", resumed=False, seq=0)
    seqs = [1, *(event.seq for chunk in stream for event in connection.receive(chunk, 0.0))]
    assert seqs == sorted(set(seqs))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["json", "msgpack"]), samples.client_event(), st.randoms(use_true_random=False))
def test_a_spoiled_event_is_an_event_or_an_answer(codec: Any, event: Any, dice: random.Random) -> None:
    connection = ServerConnection(LIMITS, GREETING)
    client = ClientConnection(codec)
    connection.receive(client.encode({"type": "hello", "protocol": PROTOCOL}), 0.0)
    raw = bytearray(client.encode(msgspec.to_builtins(event)))
    for _ in range(dice.randint(1, 4)):
        raw[dice.randrange(len(raw))] = dice.randrange(256)
    assert len(connection.receive(bytes(raw), 0.0)) <= 1
    connection.data_to_send()


def test_a_stream_of_nonsense_ends_after_a_bounded_number_of_answers() -> None:
    connection = ServerConnection(LIMITS, GREETING)
    connection.receive(prefix(b"\xc1") * 10_000, 0.0)
    assert connection.closed
    client = ClientConnection("msgpack")
    assert len(client.receive(connection.data_to_send())) <= FLOOD_FACTOR * LIMITS.packets_burst + 2
    assert client.fault is None
