"""What the broker's management is asked, and what becomes of other answers."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gameserver.operations.management import ask_management
from gameserver.operations.snapshot import Broker, Node


class Management(HTTPServer):
    """Answers each question with one text, and keeps what it was asked."""

    status, text = 200, b"[]"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked: list[tuple[str, str]] = []


class Asked(BaseHTTPRequestHandler):
    server: Management

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def management() -> Iterator[Management]:
    with Management() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_nodes_say_their_descriptors_to_who_has_the_password(management: Management) -> None:
    management.text = b'[{"name": "rabbit@a", "fd_used": 7, "fd_total": 10, "mem_used": 5}, {"name": "rabbit@b"}]'
    found = ask_management(f"http://monitor:p%40ss@127.0.0.1:{management.server_port}/")
    assert found == Broker(nodes=(Node(name="rabbit@a", fd_used=7, fd_total=10), Node(name="rabbit@b")))
    assert management.asked == [("/api/nodes", f"Basic {base64.b64encode(b'monitor:p@ss').decode()}")]


@pytest.mark.parametrize(
    ("status", "text", "said"), [(401, b"", "401"), (200, b"<html>", "malformed"), (200, b"{}", "array")]
)
def test_other_answers_are_its_fault(status: int, text: bytes, said: str, management: Management) -> None:
    management.status, management.text = status, text
    found = ask_management(f"http://127.0.0.1:{management.server_port}")
    assert found.nodes == ()
    assert said in found.fault


def test_nobody_is_asked_without_an_address_and_who_is_away_is_named() -> None:
    assert ask_management("") == Broker()
    assert "refused" in ask_management("http://127.0.0.1:1").fault
