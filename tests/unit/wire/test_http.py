"""Requests for pages, and what is none."""

import http.client
import io

import pytest

from gameserver.wire.errors import HttpFault
from gameserver.wire.http import REQUEST_BYTES_MAX, read_request, refusal, response_head, takes

GET = b"GET /index.html?x=1 HTTP/1.1\r\nHost: localhost:4080\r\nAccept-Encoding: gzip, br\r\n\r\n"


def test_a_request_is_read_when_all_of_it_is_there():
    for size in range(len(GET)):
        assert read_request(GET[:size]) is None
    request = read_request(GET + b"GET / ")
    assert request is not None
    assert (request.method, request.path, request.size) == ("GET", "/index.html", len(GET))
    assert request.headers == {"host": "localhost:4080", "accept-encoding": "gzip, br"}
    assert request.keeps_alive


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        (b"GET / HTTP/1.1\r\nHost: a", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Close", False),
        (b"GET / HTTP/1.0", False),
    ],
)
def test_a_connection_stays_unless_the_client_says_otherwise(line: bytes, stays: bool):
    request = read_request(line + b"\r\n\r\n")
    assert request is not None
    assert request.keeps_alive is stays


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET / HTTP/2\r\nHost: a\r\n\r\n", 400),
        (b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nbad name: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b'{"type":"hello","protocol":1}\r\n\r\n', 400),
        (b"G" * REQUEST_BYTES_MAX, 431),
    ],
)
def test_what_is_no_such_request_is_refused(raw: bytes, status: int):
    with pytest.raises(HttpFault) as refused:
        read_request(raw)
    assert refused.value.status == status


def test_a_whole_address_is_understood_and_its_host_is_the_one_that_counts():
    request = read_request(b"GET http://a:4080/x?y HTTP/1.1\r\nHost: b\r\n\r\n")
    assert request is not None
    assert (request.path, request.headers["host"]) == ("/x", "a:4080")


def test_an_empty_line_before_a_request_is_passed_over():
    request = read_request(b"\r\n" + GET)
    assert request is not None
    assert (request.path, request.size) == ("/index.html", len(GET) + 2)


def test_nothing_is_upgraded_from_http_1_0():
    request = read_request(b"GET /socket HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    assert request is not None
    assert "upgrade" not in request.headers


@pytest.mark.parametrize(
    ("accept", "takes_it"),
    [
        ("gzip, br", True),
        ("GZIP;q=0.5", True),
        ("gzip; q=0", False),
        ("gzip;q=0.0, *", False),
        ("identity, *;q=0.1", True),
        ("*;q=0", False),
        ("xgzip", False),
        ("", False),
    ],
)
def test_what_a_client_takes_is_compressed_and_nothing_else(accept: str, takes_it: bool):
    assert takes(accept, "gzip") is takes_it


def test_a_refusal_has_no_body_where_only_the_head_was_asked_for():
    assert refusal(HttpFault(404, "No."), "HEAD").endswith(b"\r\n\r\n")
    assert refusal(HttpFault(404, "No.")).endswith(b"No.\n")


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def read_back(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    response = http.client.HTTPResponse(_Socket(raw))  # type: ignore[arg-type]
    response.begin()
    return response.status, dict(response.getheaders()), response.read()


def test_pythons_client_reads_our_responses():
    raw = response_head(200, {"Content-Length": "2", "X": "y"}) + b"ok"
    assert read_back(raw) == (200, {"Content-Length": "2", "X": "y"}, b"ok")
    status, headers, body = read_back(refusal(HttpFault(405, "No.", {"Allow": "GET"})))
    assert (status, headers["Allow"], headers["Connection"], body) == (405, "GET", "close", b"No.\n")
