"""A client as docs/protocol.md describes it, without sockets: it numbers, resumes, resends and acknowledges."""

from typing import Any

import msgspec

from gameserver.wire.client import ClientConnection
from gateway.connections.connection import Connection
from gateway.hub import Hub
from tests.chaos.records import Action
from tests.simulation import adventures, building, fights, travel
from tests.simulation.adventures import Adventurer
from tests.simulation.building import Mason
from tests.simulation.economy import Trader
from tests.simulation.fights import Warrior

WINDOW = 8
PATIENCE_S = 0.5  # after a refused entrance
PASSWORD = "a long secret"
HASTE = 0.1  # how likely a visitor goes, whatever is under way
WANTED = {"give": 0.1, "whisper": 0.5, "attack": 0.7, "say": 0.78, "move": 0.9}
TRADES = 0.85  # how likely a player of an economy trades
TRAVELS = 0.35  # how likely one who travels does
GATHERS = 0.4  # how likely one does something about its group, of what a traveller does
STEP_S = 0.25  # nobody walks faster


class Link:
    """The line of one connection; what a dead gateway still writes reaches nobody."""

    def __init__(self, player: "SimulatedPlayer") -> None:
        self._player = player
        self.open = True

    def write(self, data: bytes) -> None:
        if self.open:
            self._player.hear_bytes(data)

    def finish(self, goodbye: str = "") -> None:
        if self.open:
            self._player.hung_up()

    hang_up = abort = finish


class Deed(msgspec.Struct):
    """An action with the id under which the cluster knows it."""

    id: str
    action: Action


class SimulatedPlayer:
    """One player. ``visits``: comes in once, and when it is gone it is gone for good."""

    def __init__(self, name: str, names: list[str], actions: int, cluster: Any, *, visits: bool = False) -> None:
        self.name = name
        self._others = [other for other in names if other != name]
        self._left = actions
        self._cluster = cluster
        self._trader = Trader(cluster.rng, cluster.store, name, self._others)
        self._adventurer = Adventurer(cluster.rng, cluster.store, name, self._others)
        self._mason = Mason(cluster.rng, cluster)
        self._warrior = Warrior(cluster.rng, cluster.store, name, self._others)
        self._seq = 1
        self._entrance = 1
        self._token = ""
        self._session_id = ""
        self._phase = "away"  # away, greeting, entering, refused, resending, playing, gone
        self._again_s = 0.0
        self._step_s = 0.0
        self._unanswered: dict[int, tuple[dict[str, Any], Action | None]] = {}
        self._told: set[str] = set()
        self._unread: list[str] = []  # durable notices that could not be acknowledged yet
        self._visits = visits
        self._attempts = 0
        self._says_sent = cluster.rng.random() < 0.5  # clients of before that field are still about
        self.deeds: list[Deed] = []
        self.hub: Hub | None = None
        self.connection: Connection | None = None
        if not visits:
            cluster.diary.heard[name] = []
            cluster.diary.received[name] = []

    @property
    def content(self) -> bool:
        """Whether it has done all it wanted, and was told what became of it."""
        return self._phase == "gone" or (self._phase == "playing" and not self._left and not self._unanswered)

    @property
    def playing(self) -> bool:
        """Whether it was let in and believes to be in the world."""
        return self._phase == "playing"

    def act(self) -> None:
        """Do the next thing: connect, act in the world, or leave it."""
        if self._visits and self.connection is not None and self._cluster.chance(HASTE):
            self.leave()
        elif self._phase == "away":
            self._connect()
        elif self._phase == "refused" and self._cluster.now_s() >= self._again_s:
            self._enter()
        elif self._phase == "playing":
            self._acknowledge_unread()
            for _ in range(self._cluster.rng.choice(self._cluster.story.bursts)):
                if self._left and len(self._unanswered) < WINDOW:
                    self._left -= 1
                    self._do()

    def stop_acting(self) -> None:
        """It wants nothing more."""
        self._left = 0

    def leave(self) -> None:
        """Go for good, without a word."""
        self.hang_up()
        self._phase = "gone"

    def _connect(self) -> None:
        self.hub = self._cluster.rng.choice(self._cluster.hubs)
        self._wire = ClientConnection("msgpack")
        self._link = Link(self)
        self.connection = self.hub.begin(self._link)
        self._entrance = 0
        self._phase = "greeting"
        self._send({"type": "hello", "protocol": 1})

    def _send(self, packet: dict[str, Any]) -> None:
        if self.hub is not None and self.connection is not None:
            self.hub.received(self.connection, self._wire.encode(packet))

    def _do(self) -> None:
        event, fields = self._choose()
        if event is None:
            return
        action = Action(self.name, event, fields, self._cluster.now_s())
        self._cluster.diary.actions.append(action)
        self._seq += 1
        id_ = f"{self._session_id}:{self._seq}"
        self.deeds.append(Deed(id_, action))
        if self._cluster.chance(self._cluster.story.chances.poison):
            self._cluster.journal.poisoned[id_] = self._cluster.rng.choice(self._cluster.story.poisons)
        self._number(event, fields, action)

    def _choose(self) -> tuple[Any, dict[str, Any]]:
        rng = self._cluster.rng
        if self._cluster.story.builds and rng.random() < building.ODDS:
            return self._mason.choose()
        if self._cluster.story.fights and rng.random() < fights.ODDS:
            return self._warrior.choose(self._cluster.now_ms())
        if self._cluster.story.travels and rng.random() < TRAVELS:
            return self._adventurer.gather() if rng.random() < GATHERS else rng.choice(travel.DEEDS)
        if self._cluster.story.economy and rng.random() < TRADES:
            goes = self._cluster.story.adventures and rng.random() < adventures.ODDS
            return self._adventurer.choose() if goes else self._trader.choose()
        other, dice = rng.choice(self._others), WANTED.get(self._cluster.story.wants) or rng.random()
        if dice < 0.4 and not self._cluster.story.economy:  # there purses are what conservation proves
            return "give", {"to": other, "coins": rng.randint(1, 30)}
        if dice < 0.6:
            return "whisper", {"to": other, "text": f"{self.name}>{other} {self._seq}"}
        if dice < 0.75:
            return "attack", {"target": self._cluster.prey}
        if dice < 0.8:
            return "say", {"text": f"{self.name} {self._seq}"}
        if self._cluster.now_s() < self._step_s:
            return None, {}
        self._step_s = self._cluster.now_s() + STEP_S
        return "move", {"dir": rng.choice("nesw")}

    def _number(self, event: str, fields: dict[str, Any], action: Action | None) -> None:
        packet = {"type": event, "seq": self._seq, **fields}
        self._unanswered[self._seq] = packet, action
        self._cluster.trace("send", self.name, event, self._seq)
        self._send(packet)

    def hang_up(self) -> None:
        """The connection breaks; the gateway notices."""
        hub, connection = self.hub, self.connection
        self.lose_connection()
        if hub is not None and connection is not None:
            hub.ended(connection)

    hung_up = hang_up

    def lose_connection(self) -> None:
        """The connection is gone."""
        if self.hub is not None:
            self._link.open = False
        self.hub = self.connection = None
        self._phase = "gone" if self._visits else "away"

    def hear_bytes(self, data: bytes) -> None:
        """The gateway wrote."""
        for packet in self._wire.receive(data):
            self._take(packet)
        assert self._wire.fault is None

    def _take(self, packet: dict[str, Any]) -> None:
        kind = packet["type"]
        if kind == "welcome":
            self._enter()
        elif kind == "token":
            self._token, self._session_id = packet["token"], packet["session"]
        elif kind in ("ok", "error") and packet.get("re"):
            self._answered(packet)
        elif packet.get("id"):
            self._hear(packet)

    def _enter(self) -> None:
        self._phase = "entering"
        self._entrance += 1
        packet: dict[str, Any] = {"type": "register", "name": self.name, "password": PASSWORD}
        if self._token:
            self._attempts += 1
            packet = {"type": "resume", "token": self._token, "attempt": self._attempts}
            if self._says_sent:
                packet["sent"] = self._seq
        elif self._entrance > 1:
            packet["type"] = self._cluster.rng.choice(("register", "login"))
        self._send({**packet, "seq": self._entrance})

    def _answered(self, packet: dict[str, Any]) -> None:
        if self._phase == "entering":
            self._phase = "resending"
            self._entered(packet)
            return
        found = self._unanswered.pop(packet["re"], None)
        if found is None:
            self._cluster.diary.sessions_lost.append(f"{self.name}: answered twice: {packet}")
            return
        self._cluster.trace("answer", self.name, packet["re"], packet["type"], packet.get("code", ""))
        sent, action = found
        if sent["type"] == "ack" and packet["type"] == "error":  # its notices are not told again on this connection
            self._unread += sent["ids"]
        if action is not None:
            action.end = "ok" if packet["type"] == "ok" else "refused"
            action.code = packet.get("code", "")
            action.data = packet.get("data")

    def _entered(self, packet: dict[str, Any]) -> None:
        if packet["type"] == "error":
            self._not_let_in(packet["code"])
            return
        self._cluster.trace("entered", self.name, self._session_id)
        self._seq = max(self._seq, self._entrance)  # numbers rise on a connection, those of its entrances too
        hub = self.hub
        for resent, _ in list(self._unanswered.values()):  # all of it before anything new, acknowledgements too
            self._send(resent)
        if self.hub is hub:
            self._phase = "playing"
            self._acknowledge_unread()

    def _not_let_in(self, code: str) -> None:
        self._phase = "refused"
        self._again_s = self._cluster.now_s() + PATIENCE_S
        if code in ("bad_token", "session_over"):
            self._cluster.diary.sessions_lost.append(f"{self.name}: {code}")
            self._token = ""

    def _hear(self, packet: dict[str, Any]) -> None:
        if packet["id"] not in self._told and not self._visits:
            self._told.add(packet["id"])
            if packet["type"] == "heard" and packet["how"] == "whisper":
                self._cluster.diary.heard[self.name].append(packet["text"])
            elif packet["type"] == "received":
                self._cluster.diary.receive(self.name, packet["coins"], packet.get("gifts", 1))
        if self._phase == "playing":
            self._acknowledge(packet["id"])
        else:
            self._unread.append(packet["id"])

    def _acknowledge_unread(self) -> None:
        unread, self._unread = self._unread, []
        for id_ in unread:
            self._acknowledge(id_)

    def _acknowledge(self, id_: str) -> None:
        self._seq += 1
        self._number("ack", {"ids": [id_]}, None)
