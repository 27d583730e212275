"""As much of HTTP/1.1 (RFC 9112), without I/O, as serves a page and begins a WebSocket: requests without a body.

What is no such request is answered with a status that says so, and its connection is closed: nobody has to find out
where the next request begins.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from gameserver.wire.errors import HttpFault

REQUEST_BYTES_MAX = 8_192
METHODS = frozenset({"GET", "HEAD", "POST"})
END = b"\r\n\r\n"
EMPTY_LINE = b"\r\n"

# (A proxy is asked for a whole address, and RFC 9112 has every server understand that.)
_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) (?:https?://([^\s/?#]+))?(/[\x21-\x7e]*) HTTP/1\.([01])")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")


class Request(msgspec.Struct, frozen=True):
    """A request of ``size`` bytes. ``path`` is without the query, header names are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    keeps_alive: bool
    size: int


def read_request(data: bytes) -> Request | None:
    """Read the request at the beginning of ``data``; ``None`` while there is not all of it. Raises ``HttpFault``."""
    end = data.find(END, 1, REQUEST_BYTES_MAX)
    if end < 0:
        if len(data) >= REQUEST_BYTES_MAX:
            raise HttpFault(431, f"A request may have {REQUEST_BYTES_MAX} bytes at most.")
        return None
    start = len(EMPTY_LINE) if data.startswith(EMPTY_LINE) else 0  # which some clients send behind a request
    line, *fields = data[start:end].decode("latin-1").split("\r\n")
    asked = _LINE.fullmatch(line)
    if asked is None:
        raise HttpFault(400, "This is no HTTP/1.1 request.")
    method, host, target, minor = asked.groups()
    headers = _headers(fields)
    _refuse(method, minor, headers)
    if host:
        headers["host"] = host
    if minor == "0":
        headers.pop("upgrade", None)  # RFC 9110, 7.8: nothing is upgraded from 1.0
    closes = minor == "0" or "close" in headers.get("connection", "").lower()
    return Request(method, target.partition("?")[0], headers, not closes, end + len(END))


def _headers(fields: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for field in fields:
        found = _FIELD.fullmatch(field)
        if found is None:
            raise HttpFault(400, "A header field can't be read.")
        name, value = found[1].lower(), found[2].strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _refuse(method: str, minor: str, headers: Mapping[str, str]) -> None:
    if method not in METHODS:
        raise HttpFault(405, "No such method is answered here.", {"Allow": "GET, HEAD"})
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise HttpFault(400, "A request may have no body here.")
    if minor == "1" and headers.get("host", ",").count(","):
        raise HttpFault(400, "A request names one host.")


def takes(accept: str, coding: str) -> bool:
    """Return whether an ``Accept-Encoding`` takes a coding: by its name or by ``*``, and not with a quality of 0."""
    items = (item.replace(" ", "").lower().partition(";q=") for item in accept.split(","))
    qualities = {name: quality.strip("0.") != "" or not weighed for name, weighed, quality in items}
    return qualities.get(coding, qualities.get("*", False))


def response_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return a response's status line and header fields."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def refusal(fault: HttpFault, method: str = "GET") -> bytes:
    """Return the response that says what was wrong with a request, after which the connection is closed."""
    body = f"{fault.message}\n".encode()
    told = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body)), "Connection": "close"}
    return response_head(fault.status, {**told, **fault.headers}) + (b"" if method == "HEAD" else body)
