"""A client as docs/protocol.md describes it, without sockets: it numbers, resumes, resends and acknowledges."""

from typing import TYPE_CHECKING, Any

from gameserver.wire.client import ClientConnection
from gateway.hub import Hub
from gateway.session import Session
from tests.chaos.records import Action

if TYPE_CHECKING:
    from tests.simulation.house import SimulatedHouse

WINDOW = 8


class Link:
    """The line of one connection; what a dead gateway still writes reaches nobody."""

    def __init__(self, player: "SimulatedPlayer") -> None:
        self._player = player
        self.open = True

    def write(self, data: bytes) -> None:
        if self.open:
            self._player.hear_bytes(data)

    def finish(self) -> None:
        if self.open:
            self._player.hung_up()

    hang_up = abort = finish


class SimulatedPlayer:
    """One player."""

    def __init__(self, name: str, names: list[str], actions: int, house: "SimulatedHouse") -> None:
        self.name = name
        self._others = [other for other in names if other != name]
        self._left = actions
        self._house = house
        self._seq = 1
        self._token = ""
        self._phase = "away"  # away, greeting, entering, playing
        self._unanswered: dict[int, tuple[dict[str, Any], Action | None]] = {}
        self._told: set[str] = set()
        self.hub: Hub | None = None
        self.session: Session | None = None
        house.diary.heard[name] = []
        house.diary.received[name] = []

    @property
    def content(self) -> bool:
        """Whether it has done all it wanted, and was told what became of it."""
        return self._phase == "playing" and not self._left and not self._unanswered

    def act(self) -> None:
        """Do the next thing: connect, or act in the world."""
        if self._phase == "away":
            self._connect()
        elif self._phase == "playing" and self._left and len(self._unanswered) < WINDOW:
            self._left -= 1
            self._do()

    def _connect(self) -> None:
        self.hub = self._house.rng.choice(self._house.hubs)
        self._wire = ClientConnection("msgpack")
        self._link = Link(self)
        self.session = self.hub.begin(self._link)
        self._phase = "greeting"
        self._send({"type": "hello", "protocol": 1})

    def _send(self, packet: dict[str, Any]) -> None:
        assert self.hub is not None
        assert self.session is not None
        self.hub.received(self.session, self._wire.encode(packet))

    def _do(self) -> None:
        rng = self._house.rng
        other, dice = rng.choice(self._others), rng.random()
        if dice < 0.5:
            event, fields = "give", {"to": other, "coins": rng.randint(1, 30)}
        elif dice < 0.75:
            event, fields = "whisper", {"to": other, "text": f"{self.name}>{other} {self._seq}"}
        else:
            event, fields = "move", {"dir": rng.choice("nesw")}
        action = Action(self.name, event, fields, self._house.clock.seconds())
        self._house.diary.actions.append(action)
        self._number(event, fields, action)

    def _number(self, event: str, fields: dict[str, Any], action: Action | None) -> None:
        self._seq += 1
        packet = {"type": event, "seq": self._seq, **fields}
        self._unanswered[self._seq] = packet, action
        self._send(packet)

    def lose_connection(self) -> None:
        """The connection is gone."""
        self._link.open = False
        self.hub = self.session = None
        self._phase = "away"

    def hear_bytes(self, data: bytes) -> None:
        """The gateway wrote."""
        for packet in self._wire.receive(data):
            self._take(packet)
        assert self._wire.fault is None

    def hung_up(self) -> None:
        """The gateway closed the connection."""
        if self.hub is not None and self.session is not None:
            hub, session = self.hub, self.session
            self.lose_connection()
            hub.ended(session)

    def _take(self, packet: dict[str, Any]) -> None:
        kind = packet["type"]
        if kind == "welcome":
            self._enter()
        elif kind == "token":
            self._token = packet["token"]
        elif kind in ("ok", "error") and packet.get("re"):
            self._answered(packet)
        elif packet.get("id"):
            self._hear(packet)

    def _enter(self) -> None:
        self._phase = "entering"
        if self._token:
            self._send({"type": "resume", "token": self._token, "seq": 1})
        else:
            self._send({"type": "register", "name": self.name, "password": "a long secret", "seq": 1})

    def _answered(self, packet: dict[str, Any]) -> None:
        if self._phase == "entering":
            self._entered(packet)
            return
        _, action = self._unanswered.pop(packet["re"])
        if action is not None:
            action.end = "ok" if packet["type"] == "ok" else "refused"
            action.code = packet.get("code", "")

    def _entered(self, packet: dict[str, Any]) -> None:
        if packet["type"] == "error":
            if packet["code"] == "name_taken" and not self._token:
                self._send({"type": "login", "name": self.name, "password": "a long secret", "seq": 2})
            elif packet["code"] not in ("busy", "unavailable"):
                self._house.diary.sessions_lost.append(f"{self.name}: {packet}")
            return
        self._phase = "playing"
        for resent, _ in list(self._unanswered.values()):
            self._send(resent)

    def _hear(self, packet: dict[str, Any]) -> None:
        if packet["id"] not in self._told:
            self._told.add(packet["id"])
            if packet["type"] == "heard":
                self._house.diary.heard[self.name].append(packet["text"])
            elif packet["type"] == "received":
                self._house.diary.received[self.name].append(packet["coins"])
        if self._phase == "playing":
            self._number("ack", {"ids": [packet["id"]]}, None)
