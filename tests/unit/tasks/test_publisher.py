"""What a publisher does with a node that takes connections and then no longer answers, as one that comes back may."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import IO

import pytest

from gameserver.broker.topology import PLAIN, topology
from gameserver.limits import Limits
from gameserver.messages.outbound import BatchResult
from tasks.publisher import Publisher

pytestmark = pytest.mark.timeout(15)

START, TUNE, OPEN_OK = (10, 10), (10, 30), (10, 41)
CHANNEL_OPEN, CHANNEL_OPEN_OK = (20, 10), (20, 11)
SELECT, SELECT_OK = (85, 10), (85, 11)
PUBLISH, ACK = (60, 40), (60, 80)
CLOSE, CLOSE_OK = (10, 50), (10, 51)
CHANNEL_CLOSE, CHANNEL_CLOSE_OK = (20, 40), (20, 41)
TOLD = struct.pack(">BBI", 0, 9, 0) + struct.pack(">I5sI5s", 5, b"PLAIN", 5, b"en_US")
ANSWERS = {
    CHANNEL_OPEN: (CHANNEL_OPEN_OK, struct.pack(">I", 0)),
    SELECT: (SELECT_OK, b""),
    PUBLISH: (ACK, struct.pack(">QB", 1, 0)),
    CHANNEL_CLOSE: (CHANNEL_CLOSE_OK, b""),
    CLOSE: (CLOSE_OK, b""),
}


class Node:
    """As much of a broker as a publisher sees. ``mute_from``: the first method that is not answered, nor any later."""

    def __init__(self, mute_from: tuple[int, int] | None) -> None:
        self.published = threading.Event()
        self._mute_from = mute_from
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"amqp://guest:guest@127.0.0.1:{self._listening.getsockname()[1]}//"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError, struct.error):
            stream.read(8)
            self._say(connection, 0, START, TOLD)
            self._read(stream)
            self._say(connection, 0, TUNE, struct.pack(">HIH", 2047, 131_072, 0))
            self._read(stream)
            self._read(stream)
            self._say(connection, 0, OPEN_OK, b"\0")
            self._answer(connection, stream)

    def _answer(self, connection: socket.socket, stream: IO[bytes]) -> None:
        mute = False
        while True:
            kind, channel, payload = self._read(stream)
            method = struct.unpack(">HH", payload[:4]) if kind == 1 else (0, 0)
            mute = mute or method == self._mute_from
            if method in ANSWERS and not mute:
                self._say(connection, channel, *ANSWERS[method])
                if method == PUBLISH:
                    self.published.set()

    def _read(self, stream: IO[bytes]) -> tuple[int, int, bytes]:
        kind, channel, size = struct.unpack(">BHI", stream.read(7))
        return kind, channel, stream.read(size + 1)[:-1]

    def _say(self, connection: socket.socket, channel: int, method: tuple[int, int], arguments: bytes) -> None:
        payload = struct.pack(">HH", *method) + arguments
        connection.sendall(struct.pack(">BHI", 1, channel, len(payload)) + payload + b"\xce")

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def well() -> Iterator[Node]:
    node = Node(None)
    yield node
    node.close()


@pytest.mark.parametrize("mute_from", [CHANNEL_OPEN, SELECT, PUBLISH], ids=["open", "select", "publish"])
def test_a_node_that_no_longer_answers_is_left_without_a_goodbye(well: Node, mute_from: tuple[int, int]) -> None:
    """It would not be answered either: the child would wait for it until its lease is over."""
    mute = Node(mute_from)
    with closing(Publisher(f"{mute.url};{well.url}", topology(Limits(), PLAIN))) as publisher:
        publisher.outbound(BatchResult(task="t"), ["gateways"])
    assert well.published.is_set()
    mute.close()
