"""Read what a load balancer says of a client before the client's own bytes: the PROXY protocol, versions 1 and 2.

Source: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt. No I/O: give it the bytes that came so far. A
header may come in any number of pieces, may name no client (``UNKNOWN``, ``LOCAL``, ``UNSPEC``: the balancer's own
connection, as when it looks whether we live), and may carry more than is read here (TLVs).
"""

import ipaddress
import struct

import msgspec

from gameserver.wire.errors import ProxyHeaderFault

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LINE_BYTES_MAX = 107  # section 2.1, with the end of the line
BLOCK_BYTES_MAX = 4_096  # of a binary header; section 2.2 asks for 536 at least
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
START = struct.Struct("!12sBBH")  # signature, version and command, family and protocol, bytes that follow

VERSION_2, LOCAL, PROXY = 0x20, 0, 1
ADDRESSES = {1: (4, 12), 2: (16, 36), 3: (0, 216)}  # family -> bytes of one address, of both with their ports
FAMILIES, PROTOCOLS = 4, 3  # how many there are, unspecified among them
PORT_MAX = 65_535
LINES: dict[bytes, type[Address]] = {
    b"TCP4": ipaddress.IPv4Address,
    b"TCP6": ipaddress.IPv6Address,
}


class ProxyHeader(msgspec.Struct, frozen=True):
    """A header of ``size`` bytes. ``host``: the client's address, "" where none is named."""

    host: str
    size: int


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """Read the header at the beginning of a connection; ``None`` while there is not all of it.

    Raises ``ProxyHeaderFault`` ``bad_proxy_header`` for what can't become one.
    """
    if data.startswith(SIGNATURE[: len(data)]):
        return _read_block(data)
    if data.startswith(b"PROXY "[: len(data)]):
        return _read_line(data)
    raise _fault("it begins as no header does")


def _fault(why: str) -> ProxyHeaderFault:
    return ProxyHeaderFault("bad_proxy_header", f"The load balancer's header can't be read: {why}.")


def _read_line(data: bytes) -> ProxyHeader | None:
    line, end, _ = data[:LINE_BYTES_MAX].partition(b"\r\n")
    if not end:
        if len(data) >= LINE_BYTES_MAX:
            raise _fault("its line does not end")
        return None
    words = line.split(b" ")
    size = len(line) + len(end)
    if words[1] == b"UNKNOWN":
        return ProxyHeader("", size)
    if words[1] not in LINES or len(words) != 6 or not all(_is_port(word) for word in words[4:]):
        raise _fault("its line is no TCP4, TCP6 or UNKNOWN with two addresses and two ports")
    client, _ = (_address(LINES[words[1]], word) for word in words[2:4])
    return ProxyHeader(_host(client), size)


def _is_port(word: bytes) -> bool:
    return word.isdigit() and len(word) <= len(str(PORT_MAX)) and int(word) <= PORT_MAX


def _address(kind: type[Address], word: bytes) -> Address:
    try:
        return kind(word.decode("ascii"))
    except ValueError:
        raise _fault(f"its address {word.decode('ascii', 'replace')} is none") from None


def _host(address: Address) -> str:
    """Write an address as all of a client's connections have it: a balancer of both families maps IPv4 into IPv6."""
    return str(getattr(address, "ipv4_mapped", None) or address)


def _read_block(data: bytes) -> ProxyHeader | None:
    if len(data) < START.size:
        return None
    _, command, about, length = START.unpack_from(data)
    family, protocol = divmod(about, 16)
    if command not in (VERSION_2 | LOCAL, VERSION_2 | PROXY) or family >= FAMILIES or protocol >= PROTOCOLS:
        raise _fault("its version, command, family or protocol is not known")
    if length > BLOCK_BYTES_MAX:
        raise _fault(f"it is longer than {BLOCK_BYTES_MAX} bytes")
    if len(data) < START.size + length:
        return None
    named = command == VERSION_2 | PROXY and family and protocol
    return ProxyHeader(_block_host(family, data[START.size :], length) if named else "", START.size + length)


def _block_host(family: int, addresses: bytes, length: int) -> str:
    one, both = ADDRESSES[family]
    if length < both:
        raise _fault("its addresses are cut off")
    return _host(ipaddress.ip_address(addresses[:one])) if one else ""
