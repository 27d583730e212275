"""A client as a person with ``nc`` would be one: a plain socket and lines of JSON."""

import contextlib
import socket
import time
from typing import Any, Self

import msgspec

Packet = dict[str, Any]

WAIT_S_MAX = 20.0


class LineClient:
    """One connection. What was read and not yet looked for stays in ``inbox``; durable notices are not acknowledged.

    ``receive_bytes``: the size of the kernel's buffer, for clients that do not read.
    """

    def __init__(self, port: int, *, receive_bytes: int = 0, greet: bool = True) -> None:
        self.inbox: list[Packet] = []
        self.closed = False
        self.token = ""
        self.session = ""
        self.seq = 0
        self._rest = b""
        self._socket = socket.socket()
        if receive_bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.settimeout(WAIT_S_MAX)
        self._socket.connect(("127.0.0.1", port))
        if greet:
            self.send(type="hello", protocol=1)
            self.expect("welcome")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
        self.closed = True

    # Sending.

    def send(self, **packet: Any) -> None:
        """One packet."""
        self.raw(msgspec.json.encode(packet) + b"\n")

    def raw(self, data: bytes) -> None:
        """Bytes; nothing is said when the other side has hung up."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def post(self, event: str, **fields: Any) -> int:
        """An event; gives its number."""
        self.seq += 1
        self.send(type=event, seq=self.seq, **fields)
        return self.seq

    def ask(self, event: str, **fields: Any) -> Packet:
        """An event and its reply, ``ok`` or ``error``."""
        return self.reply(self.post(event, **fields))

    def register(self, name: str, password: str = "a long secret") -> Packet:
        """Enter the world with a new account."""
        return self.enter("register", name=name, password=password)

    def login(self, name: str, password: str = "a long secret") -> Packet:
        """Enter the world."""
        return self.enter("login", name=name, password=password)

    def resume(self, token: str, **sent: int) -> Packet:
        """Take a session up; ``sent``: the highest number used in it."""
        return self.enter("resume", token=token, **sent)

    def enter(self, event: str, **fields: Any) -> Packet:
        """Enter the world; gives who and where one is."""
        reply = self.ask(event, **fields)
        assert reply["type"] == "ok", reply
        told = self.expect("token")
        self.token, self.session = told["token"], told["session"]
        self.seq = max(self.seq, reply["data"].get("seq", 0))
        entered: Packet = reply["data"]
        return entered

    # Receiving.

    def reply(self, seq: int, s_max: float = WAIT_S_MAX) -> Packet:
        """The reply to an event."""
        return self._find(lambda p: p["type"] in ("ok", "error") and p.get("re") == seq, f"a reply to {seq}", s_max)

    def expect(self, type_: str, s_max: float = WAIT_S_MAX, **fields: Any) -> Packet:
        """The next packet of this type and with these fields; others stay in the inbox."""
        return self._find(lambda p: p["type"] == type_ and fields.items() <= p.items(), f"{type_} {fields}", s_max)

    def expect_end(self, s_max: float = WAIT_S_MAX) -> None:
        """Read until the other side has closed."""
        deadline_s = time.monotonic() + s_max
        while not self.closed:
            assert time.monotonic() < deadline_s, f"still connected; got {self.inbox[-5:]}"
            self._read(deadline_s)

    def read_for(self, seconds: float) -> None:
        """Read what comes for a while."""
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s and not self.closed:
            self._read(deadline_s)

    def saw(self, type_: str) -> list[Packet]:
        """What stands in the inbox of this type."""
        return [packet for packet in self.inbox if packet["type"] == type_]

    def _find(self, wanted: Any, what: str, s_max: float) -> Packet:
        deadline_s = time.monotonic() + s_max
        looked = 0
        while True:
            for n in range(looked, len(self.inbox)):
                if wanted(self.inbox[n]):
                    return self.inbox.pop(n)
            looked = len(self.inbox)
            assert not self.closed, f"closed before {what} came; got {self.inbox[-5:]}"
            assert time.monotonic() < deadline_s, f"not within {s_max:g} s: {what}; got {self.inbox[-5:]}"
            self._read(deadline_s)

    def _read(self, deadline_s: float) -> None:
        self._socket.settimeout(max(0.01, deadline_s - time.monotonic()))
        try:
            data = self._socket.recv(65_536)
        except TimeoutError:
            return
        except ConnectionResetError:
            data = b""
        self.closed = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.inbox += [msgspec.json.decode(line) for line in lines]
