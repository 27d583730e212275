"""A client that comes in over a WebSocket, with a library that was not written here."""

import ssl
import time
from typing import Any

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from gameserver.testing.line_client import WAIT_S_MAX, LineClient, Packet

WEB = "tcp:0:interface=127.0.0.1 web:%s:interface=127.0.0.1"


class WebSocketClient(LineClient):
    """One connection. ``subprotocol``: ``gameserver.json`` or ``gameserver.msgpack``."""

    def __init__(
        self,
        port: int,
        subprotocol: str = "gameserver.json",
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        **options: Any,
    ) -> None:
        self.inbox: list[Packet] = []
        self.closed = False
        self.token = self.session = ""
        self.seq = 0
        self._json = subprotocol == "gameserver.json"
        scheme = "wss" if tls else "ws"
        self.socket: ClientConnection = connect(
            f"{scheme}://{host}:{port}/socket",
            subprotocols=[subprotocol],  # type: ignore[list-item]
            ssl=tls,
            compression=None,
            open_timeout=WAIT_S_MAX,
            **options,
        ).__enter__()  # ``close`` does all that the end of a ``with`` block would
        assert self.socket.subprotocol == subprotocol
        self.send(type="hello", protocol=1)
        self.gateway: str = self.expect("welcome")["gateway"]

    def close(self) -> None:
        """Close the WebSocket, as its rules say, and wait until the other side has too."""
        self.socket.close()
        self.closed = True

    def send(self, **packet: Any) -> None:
        """One packet, one message."""
        self.socket.send(msgspec.json.encode(packet).decode() if self._json else msgspec.msgpack.encode(packet))

    def _read(self, deadline_s: float) -> None:
        try:
            message = self.socket.recv(max(0.01, deadline_s - time.monotonic()))
        except TimeoutError:
            return
        except ConnectionClosed:
            self.closed = True
            return
        assert isinstance(message, str) == self._json
        decode = msgspec.json.decode if self._json else msgspec.msgpack.decode
        self.inbox.append(decode(message))
