"""A game in a package of its own, outside this repository: gateway, codecs, envelopes, beat and rules follow it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = {
    "__init__.py": """
from pathlib import Path

import gameserver.games.millbrook as millbrook
from gameserver.declare.game_package import Game

GAME = Game(
    modules=("gameserver.modules.sessions", "gameserver.modules.trade"),
    world=Path("%s"),
    data=millbrook.GAME.data,
)
"""
    % (ROOT / "tests/pantry/maps/pantry.world"),
    "bots.py": """
from gameserver.client.bots.profile import BotProfile


class Lighter:
    def __init__(self, rng, number, count, prefix, found):
        self.lamp = f"{prefix}{number}"

    def choose(self, me, beings):
        return {"type": "light", "lamp": self.lamp}

    def learn(self, event, code, zone):
        pass


BOTS = BotProfile(behaviour=Lighter, refusals=frozenset({"no_oil"}))
""",
    "lamps/__init__.py": "",
    "lamps/events.py": '''
from gameserver.declare.base import Event, Notice, Result, event, notice


class Burning(Result):
    lamps: int


@event(lane="act", result=Burning)
class Light(Event):
    """Light a lamp."""

    lamp: str


@event(lane="act", durable=False, stale_after_s=5.0, refreshes_view=True)
class Peer(Event):
    """See what burns."""


@event(origin="server", durable=False, every_s=2.5)
class Flicker(Event):
    """A lamp goes out."""

    n: int


@notice()
class Lit(Notice):
    """Somebody lit a lamp."""

    lamp: str
''',
    "lamps/rules.py": """
from gameserver.rules.outcome import Outcome, rule


@rule()
def light(state, event, context):
    return Outcome()


@rule()
def peer(state, event, context):
    return Outcome()


@rule()
def flicker(state, event, context):
    return Outcome()
""",
    "lamps/hooks.py": """
from gameserver.declare.hooks import after
from gameserver.rules.outcome import Outcome


@after("trade.give")
def heard_in_the_dark(state, event, context, outcome):
    return Outcome()
""",
}
# What each process makes of the game, as statements that hold.
HOLDS = {
    "the catalogue": """
from gameserver.declare import catalogue
assert list(catalogue.families()) == ["lamps", "sessions", "trade"]
assert catalogue.view_refresh().spec.task == "lamps.peer"
assert catalogue.pulse().task == "sessions.sweep"
assert "lit" in catalogue.notices() and "appeared" not in catalogue.notices()
""",
    "codecs": """
import json
from gameserver.wire.codecs import json_codec, msgpack_codec
from gameserver.wire.errors import PacketFault
import msgspec
packet = {"type": "light", "seq": 1, "lamp": "red"}
for codec, raw in ((json_codec(), json.dumps(packet).encode()), (msgpack_codec(), msgspec.msgpack.encode(packet))):
    assert codec.decode(raw, 9).spec.task == "lamps.light"
try:
    json_codec().decode(json.dumps({"type": "move", "seq": 1, "dir": "n"}).encode(), 9)
    raise SystemExit("an event of another game was taken")
except PacketFault as fault:
    assert fault.code == "unknown_type", fault.code
""",
    "envelopes": """
from gameserver.messages.envelope import Envelope, read_batch, task_body
from gameserver.declare import catalogue
import json
import msgspec
light = catalogue.events()["light"](lamp="red")
((raw,), _, _) = json.loads(task_body([Envelope(id="1", event=light, at_ms=1)]))
assert read_batch(raw)[0].event == light
raw[0]["event"] = {"type": "tick", "n": 1}
try:
    read_batch(raw)
    raise SystemExit("an event of another game was taken")
except msgspec.ValidationError:
    pass
""",
    "beat and workers": """
from tasks import app
periods = {e["task"]: e["schedule"] for e in app.conf.beat_schedule.values()}
assert periods == {"lamps.flicker": 2.5, "sessions.sweep": 1.0}
assert "lamps.light" in app.tasks and "world.tick" not in app.tasks
assert {queue.name for queue in app.conf.task_queues} == {"lamps", "sessions", "trade"}
""",
    "rules": """
from gameserver.rules.book import rules
from gameserver.rules.hooked import HookedRule
assert [name for name, rule in rules().items() if isinstance(rule, HookedRule)] == ["give"]
""",
    "a gateway": """
import sys
from tests.unit.gateway.fakes import Stage
stage = Stage()
ada = stage.player()
stage.broker.take()
ada.connection.outgoing.missed_broadcasts = True
stage.hub.reads_again(ada.connection)
stage.clock.advance(1)
(peer,) = stage.broker.take("peer")
assert "gameserver.rules.book" not in sys.modules
""",
    "bots": """
from random import Random
from gameserver.client.bots.profile import profile
bots = profile()
assert bots.behaviour(Random(1), 3, 9, "bot", set()).choose({}, {}) == {"type": "light", "lamp": "bot3"}
assert bots.refusals == {"no_oil"}
""",
    "bots that the game says nothing of": """
from pathlib import Path
from random import Random
from gameserver.client.bots.profile import profile
Path("archipelago/bots.py").unlink()
assert profile().behaviour(Random(1), 3, 9, "bot", set()).choose({}, {}) == {"type": "peer"}
""",
    "bots.py that says nothing": """
from pathlib import Path
from gameserver.client.bots.profile import profile
from gameserver.errors import Corrupt
Path("archipelago/bots.py").write_text("")
try:
    profile()
    raise SystemExit("there is no profile")
except Corrupt as fault:
    assert fault.message == "archipelago/bots.py:1: archipelago.bots has no BOTS = BotProfile(...)."
""",
    "where players enter the view": """
from types import SimpleNamespace
from gameserver.modules.movement.view import looks_around
assert looks_around(SimpleNamespace(zone="meadow", x=1, y=1)).then == "peer"
""",
}


@pytest.mark.parametrize("process", HOLDS)
def test_everything_follows_the_game_that_is_named(process: str, tmp_path: Path) -> None:
    for name, text in FILES.items():
        file = tmp_path / "archipelago" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    environ = {
        **os.environ,
        "GAMESERVER_GAME": "archipelago",
        "GAMESERVER_HOME": str(tmp_path),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", HOLDS[process]], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
