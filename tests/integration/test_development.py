"""``gameserver dev``: whatever is saved is live, while two players act all the time through sockets that stay open."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gameserver.local.ports import Ports, variable
from gameserver.local.scaffold import new_game
from gameserver.testing.broker import Vhost
from gameserver.testing.line_client import LineClient, Packet
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import eventually

ROOT = Path(__file__).parents[2]
UP_S_MAX = 60.0
LIVE_S_MAX = 40.0
ACT_EVERY_S = 0.1
STOP_S_MAX = 60.0

# What may be refused: events as they are not declared yet, or no more.
REFUSED = {
    *(("wave", code) for code in ("bad_field", "unavailable", "stale")),
    ("look", "stale"),
    *((event, "unknown_type") for event in ("bow", "greet", "count")),
}

BOW = '''

@event(lane="act")
class Bow(Event):
    """Bow to nobody in particular."""
'''
BOW_RULE = '''

@rule()
def bow(state: State, event: Bow, context: Context) -> Outcome:
    """Change nothing."""
    return Outcome()
'''
GREETINGS = {
    "__init__.py": '"""Greetings: a module that was not there when the server began."""\n',
    "events.py": '''"""The events of greetings."""

from gameserver.game import Event, event


@event(lane="greet")
class Greet(Event):
    """Greet nobody in particular."""
''',
    "rules.py": '''"""The rules of greetings."""

from gameserver.game import Context, Outcome, State, rule

from isle.greetings.events import Greet


@rule()
def greet(state: State, event: Greet, context: Context) -> Outcome:
    """Change nothing."""
    return Outcome()
''',
}
TALLY = '''

@entity()
class Tally(Entity, frozen=True):
    """How often something was counted."""

    id: str
    count: int = 0
'''
COUNT = '''

class Counted(Result):
    """How often it was counted by now."""

    count: int


@event(lane="act", result=Counted)
class Count(Event):
    """Count one more."""
'''
COUNT_RULE = '''

@rule(needs=lambda event, context: (ids(Tally, "all"),))
def count(state: State, event: Count, context: Context) -> Outcome:
    """Count one more."""
    before = state.get(Tally, "all") or Tally("all")
    after = Tally("all", before.count + 1)
    return Outcome(put=(after,), result=Counted(count=after.count))
'''


def with_count(events: str) -> str:
    return events.replace("Notice, event", "Notice, Result, event") + COUNT


def with_count_rule(rules: str) -> str:
    imports = rules.replace("Wave, Waved", "Count, Counted, Wave, Waved").replace("import Waves", "import Tally, Waves")
    return imports + COUNT_RULE


class Game:
    """A game in a folder of its own, and the server that follows its files."""

    def __init__(self, folder: Path, amqp_url: str) -> None:
        self.root = new_game("isle", folder)
        self.package = self.root / "isle"
        self.port, *others = free_ports(1 + len(Ports.__struct_fields__))
        ports = dict(zip(map(variable, Ports.__struct_fields__), map(str, others), strict=True))
        known = {name: value for name, value in os.environ.items() if not name.startswith("GAMESERVER_")}
        self.environ = {
            **known,
            **ports,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AMQP_URL": amqp_url,
            "GAMESERVER_ENDPOINTS": f"tcp:{self.port}:interface=127.0.0.1",
        }
        self.output = folder / "output"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "gameserver", *arguments]

    def run(self, *arguments: str) -> None:
        done = subprocess.run(
            self.command(*arguments), cwd=self.root, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def followed(self) -> Iterator[None]:
        with self.output.open("wb") as output:
            server = subprocess.Popen(
                self.command("dev"), cwd=self.root, env=self.environ, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            up = lambda: "stop everything" in self.said or server.poll() is not None  # noqa: E731
            eventually(up, lambda: self.said, UP_S_MAX)
            assert server.poll() is None, self.said
            yield
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(STOP_S_MAX)

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def logs(self) -> str:
        """What to look at when something is not as it should be."""
        wanted = ("gateway", "worker-gestures", "worker-world")
        logs = {name: self.root / "var" / "log" / f"{name}.log" for name in wanted}
        tails = (f"--- {name}\n{log.read_text()[-3_000:]}" for name, log in logs.items() if log.is_file())
        return "\n".join((self.said, *tails))

    def save(self, file: str, change: Callable[[str], str] | None = None, text: str = "") -> Path:
        path = self.package / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(change(path.read_text()) if change else text)
        return path


class Players:
    """Two players who stand near each other, speak and wave all the time, and note what they are answered."""

    def __init__(self, ada: LineClient, bea: LineClient) -> None:
        self.clients = {"ada": ada, "bea": bea}
        self.answers: dict[tuple[str, int], Packet] = {}
        self.posted: dict[tuple[str, int], dict[str, Any]] = {}
        self.heard: Counter[tuple[str, str]] = Counter()
        self.seen: list[Packet] = []  # what the other was seen to do in the last round
        ada.register("Ada")
        bea.register("Bea")
        eventually(self._hear_each_other, "that they hear each other")
        self.settle()
        self.heard.clear()
        self.posted.clear()
        self.answers.clear()

    def _hear_each_other(self) -> bool:
        for who in self.clients:
            self.post(who, "say", text=who)
        self._listen()
        return {("ada", "bea"), ("bea", "ada")} <= self.heard.keys()

    def post(self, who: str, event: str, **fields: Any) -> tuple[str, int]:
        key = who, self.clients[who].post(event, **fields)
        self.posted[key] = {"type": event, **fields}
        return key

    def act(self, event: str, **fields: Any) -> Packet:
        """One round of all; gives what ada is answered to this event."""
        self.seen = []
        for who, client in self.clients.items():
            self.post(who, "say", text=f"{who} {client.seq}")
            self.post(who, "wave")
        key = self.post("ada", event, **fields)
        eventually(lambda: self._listen() or key in self.answers, f"an answer to {event}")
        return self.answers[key]

    def act_until(self, seen: Callable[[Packet], bool], game: Game, event: str, **fields: Any) -> None:
        """Act until the answer to an event, or what was seen meanwhile, is as wanted."""
        found = lambda: seen(self.act(event, **fields)) or any(map(seen, self.seen))  # noqa: E731
        eventually(found, lambda: f"{self.seen}\n{list(self.answers.values())[-9:]}\n{game.logs}", LIVE_S_MAX)

    def settle(self) -> None:
        """Wait until all that was sent is answered."""
        eventually(
            lambda: self._listen() or self.answers.keys() >= self.posted.keys(),
            lambda: f"not answered: {[(k, p) for k, p in self.posted.items() if k not in self.answers]}",
        )
        self._listen()

    def _listen(self) -> None:
        for who, client in self.clients.items():
            client.read_for(ACT_EVERY_S / 2)
            assert not client.closed, client.inbox
            inbox, client.inbox = client.inbox, []
            for packet in inbox:
                self._note(who, packet)

    def _note(self, who: str, packet: Packet) -> None:
        if packet["type"] in ("ok", "error") and packet.get("re"):
            assert (who, packet["re"]) not in self.answers, f"answered twice: {packet}"
            self.answers[who, packet["re"]] = packet
        elif packet["type"] == "heard":
            self.heard[who, packet["text"]] += 1
        else:
            self.seen.append(packet)

    def done(self, event: str) -> list[dict[str, Any]]:
        """Of what was sent of a type, that which took effect."""
        return [
            said for key, said in self.posted.items() if said["type"] == event and self.answers[key]["type"] == "ok"
        ]


@pytest.fixture
def game(tmp_path: Path, vhost: Vhost) -> Iterator[Game]:
    made = Game(tmp_path, vhost.url)
    with made.followed():
        yield made


def is_ok(packet: Packet) -> bool:
    return packet["type"] == "ok"


def waves_as(name: str) -> Callable[[Packet], bool]:
    return lambda packet: packet["type"] == "waved" and packet["who"] == name


@pytest.mark.timeout(300)
def test_whatever_is_saved_is_live_while_everyone_plays_on(game: Game) -> None:
    with LineClient(game.port) as ada, LineClient(game.port) as bea:
        players = Players(ada, bea)
        a_rule(game, players)
        a_field(game, players)
        an_event(game, players)
        a_module(game, players)
        a_map(game, players)
        an_entity(game, players)
        a_mistake(game, players)
        players.settle()
        for said in players.done("say"):
            assert [players.heard[who, said["text"]] for who in players.clients] == [1, 1], said
        counts = [answer["data"]["count"] for answer in players.answers.values() if "count" in answer.get("data", {})]
        assert sorted(counts) == list(range(1, len(counts) + 1))
        refused = {(players.posted[key]["type"], a["code"]) for key, a in players.answers.items() if "code" in a}
        assert refused <= REFUSED


def a_rule(game: Game, players: Players) -> None:
    game.save("gestures/rules.py", lambda text: text.replace("who=player.id", 'who="one"'))
    players.act_until(waves_as("one"), game, "wave")


def a_field(game: Game, players: Players) -> None:
    """A new field that nobody need give, and then one that all must give, so that the event of before is none."""
    assert players.act("wave", how="wildly")["code"] == "bad_field"
    optional = lambda text: text.replace('see you."""', 'see you."""\n\n    how: str = ""')  # noqa: E731
    game.save("gestures/events.py", optional)
    players.act_until(is_ok, game, "wave", how="wildly")
    game.save("gestures/events.py", lambda text: text.replace('how: str = ""', "how: str"))
    players.act_until(lambda packet: packet.get("code") in ("bad_field", "unavailable"), game, "wave")
    assert is_ok(players.act("wave", how="wildly"))
    game.save("gestures/events.py", lambda text: text.replace("how: str", 'how: str = ""'))
    players.act_until(is_ok, game, "wave")


def an_event(game: Game, players: Players) -> None:
    assert players.act("bow")["code"] == "unknown_type"
    game.save("gestures/events.py", lambda text: text + BOW)
    wanted = "gestures.bow has no rule"
    players.act_until(lambda _: wanted in game.said, game, "wave")
    assert players.act("bow")["code"] == "unknown_type"
    game.save("gestures/rules.py", lambda text: text.replace("import Wave,", "import Bow, Wave,") + BOW_RULE)
    players.act_until(is_ok, game, "bow")


def a_module(game: Game, players: Players) -> None:
    for file, text in GREETINGS.items():
        game.save(f"greetings/{file}", text=text)
    players.act_until(is_ok, game, "greet")
    log = game.root / "var" / "log" / "worker-greetings.log"
    players.act_until(lambda _: log.is_file() and " ready." in log.read_text(), game, "greet")


def a_map(game: Game, players: Players) -> None:
    players.act_until(lambda packet: packet.get("title") == "The Village", game, "look")
    game.save("maps/village.tmj", lambda text: text.replace("The Village", "The Town"))
    players.act_until(lambda packet: packet.get("title") == "The Town", game, "look")


def an_entity(game: Game, players: Players) -> None:
    game.save("gestures/entities.py", lambda text: text + TALLY)
    players.act_until(lambda _: "A migration is missing (add_table tallies)" in game.said, game, "wave")
    game.run("migrations", "make", "tallies")
    players.act_until(lambda _: "isle_0003" in game.said and "live" in game.said.splitlines()[-1], game, "wave")
    events = lambda text: text.replace("Notice, event", "Notice, Result, event") + COUNT  # noqa: E731
    game.save("gestures/events.py", events)
    imports = "import Bow, Count, Counted, Wave,"
    tally = "from isle.gestures.entities import Tally\nfrom isle.gestures.events"
    game.save(
        "gestures/rules.py",
        lambda text: (
            text.replace("import Bow, Wave,", imports)
            .replace("State, rule", "State, ids, rule")
            .replace("from isle.gestures.events", tally)
            + COUNT_RULE
        ),
    )
    players.act_until(is_ok, game, "count")
    assert is_ok(players.act("count"))


def a_mistake(game: Game, players: Players) -> None:
    good = (game.package / "gestures" / "rules.py").read_text()
    line = len(good.splitlines()) + 1
    game.save("gestures/rules.py", lambda text: f"{text}def wave(:\n")
    players.act_until(lambda _: f"isle/gestures/rules.py:{line}: SyntaxError" in game.said, game, "count")
    assert is_ok(players.act("count"))
    assert any(map(waves_as("one"), players.seen))
    game.save("gestures/rules.py", text=good.replace('who="one"', 'who="two"'))
    players.act_until(waves_as("two"), game, "count")
