"""Every form that the PROXY protocol allows, in any number of pieces; what is none is a fault, and nothing else."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.wire.errors import ProxyHeaderFault
from gameserver.wire.proxy_header import BLOCK_BYTES_MAX, SIGNATURE, ProxyHeader, read_proxy_header

V4, V6 = bytes([10, 0, 0, 1, 10, 9, 9, 9]), bytes(15) + b"\x01" + bytes(15) + b"\x02"
PORTS = struct.pack("!HH", 1234, 4000)
TLV = b"\x04\x00\x03abc"


def block(command: int, about: int, body: bytes) -> bytes:
    return SIGNATURE + bytes([command, about]) + struct.pack("!H", len(body)) + body


FORMS = {
    "PROXY TCP4": (b"PROXY TCP4 10.0.0.1 10.9.9.9 1234 4000\r\n", "10.0.0.1"),
    "PROXY TCP6": (b"PROXY TCP6 ::1 ::2 1234 4000\r\n", "::1"),
    "PROXY UNKNOWN": (b"PROXY UNKNOWN\r\n", ""),
    "PROXY UNKNOWN with more": (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", ""),
    "LOCAL": (block(0x20, 0x00, b""), ""),
    "LOCAL with addresses": (block(0x20, 0x11, V4 + PORTS), ""),
    "LOCAL with anything": (block(0x20, 0x00, b"whatever"), ""),
    "TCP over IPv4": (block(0x21, 0x11, V4 + PORTS), "10.0.0.1"),
    "TCP over IPv4 with TLVs": (block(0x21, 0x11, V4 + PORTS + TLV), "10.0.0.1"),
    "UDP over IPv4": (block(0x21, 0x12, V4 + PORTS), "10.0.0.1"),
    "TCP over IPv6": (block(0x21, 0x21, V6 + PORTS), "::1"),
    "PROXY TCP6 with a mapped address": (b"PROXY TCP6 ::ffff:10.0.0.1 ::ffff:10.9.9.9 1234 4000\r\n", "10.0.0.1"),
    "TCP over IPv6 with a mapped address": (
        block(0x21, 0x21, bytes(10) + b"\xff\xff" + V4[:4] + V6[16:] + PORTS),
        "10.0.0.1",
    ),
    "TCP over IPv4 with a checksum that is not verified": (
        block(0x21, 0x11, V4 + PORTS + b"\x03\x00\x04nope"),
        "10.0.0.1",
    ),
    "TCP over IPv4 with a TLV that is cut off": (block(0x21, 0x11, V4 + PORTS + b"\x04\xff\xff"), "10.0.0.1"),
    "UNIX stream": (block(0x21, 0x31, bytes(216)), ""),
    "unspecified": (block(0x21, 0x00, b""), ""),
    "unspecified with TLVs": (block(0x21, 0x00, TLV), ""),
    "family without protocol": (block(0x21, 0x10, b""), ""),
}
WRONG = {
    "a player's own bytes": b'{"type":"hello","protocol":1}\n',
    "a line without end": b"PROXY TCP4 " + b"1" * 107,
    "a line with too few words": b"PROXY TCP4 10.0.0.1\r\n",
    "a line with an address that is none": b"PROXY TCP4 10.0.0.256 10.9.9.9 1 2\r\n",
    "a line with another address that is none": b"PROXY TCP4 10.0.0.1 10.9.9 1 2\r\n",
    "a line with a port that is none": b"PROXY TCP4 10.0.0.1 10.9.9.9 1 65536\r\n",
    "a line with a port that is a word": b"PROXY TCP4 10.0.0.1 10.9.9.9 -1 2\r\n",
    "a line with two spaces": b"PROXY TCP4  10.0.0.1 10.9.9.9 1 2\r\n",
    "a line of nothing": b"PROXY \r\n",
    "small letters": b"proxy TCP4 10.0.0.1 10.9.9.9 1 2\r\n",
    "a line of the wrong family": b"PROXY TCP4 ::1 ::2 1 2\r\n",
    "a line of an unknown family": b"PROXY UDP4 10.0.0.1 10.9.9.9 1 2\r\n",
    "version 3": block(0x31, 0x11, V4 + PORTS),
    "an unknown command": block(0x22, 0x11, V4 + PORTS),
    "an unknown family": block(0x21, 0x41, V4 + PORTS),
    "an unknown protocol": block(0x21, 0x13, V4 + PORTS),
    "addresses that are cut off": block(0x21, 0x11, V4),
    "a header without bound": block(0x21, 0x11, bytes(BLOCK_BYTES_MAX + 1)),
}


@pytest.mark.parametrize(("data", "host"), FORMS.values(), ids=FORMS)
def test_a_header_is_read_when_all_of_it_is_there_and_not_before(data: bytes, host: str) -> None:
    assert read_proxy_header(data + b"hello") == ProxyHeader(host, len(data))
    assert [read_proxy_header(data[:length]) for length in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_no_header_is_a_fault(data: bytes) -> None:
    with pytest.raises(ProxyHeaderFault, match="bad_proxy_header"):
        read_proxy_header(data)


@given(st.sampled_from([b"", b"PROXY ", SIGNATURE, SIGNATURE + b"\x21\x11"]), st.binary(max_size=300))
def test_nothing_ends_in_another_error(start: bytes, data: bytes) -> None:
    with suppress(ProxyHeaderFault):
        read_proxy_header(start + data)
