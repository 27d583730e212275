"""Games that leave modules out: what the others have in them of it is not there, and all else works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GAME = """
from pathlib import Path

from gameserver.declare.game_package import Game

GAME = Game(modules=tuple(f"gameserver.modules.{name}" for name in %r), world=Path(%r))
"""
PLAY = """
import sys
from pathlib import Path

from cryptography.fernet import Fernet

from gameserver.declare import catalogue
from gameserver.declare.entity import kinds
from gameserver.declare.game_package import game
from gameserver.declare.session_events import Lost, Rejoin
from gameserver.limits import Limits
from gameserver.maps.world import load_world
from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.events import Join, Say
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Look, Move
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.events import Login, Logout, Register, Sweep
from gameserver.operations import apply_maps
from gameserver.processing.applier import Applier
from gameserver.rules.book import rules
from gameserver.security.sealing import Sealer
from gameserver.store import Store
from gameserver.testing.scenes import QuickPasswords
import msgspec

assert {kind.__name__ for kind in kinds()} >= {"Player", "Body", "Membership"}
assert not {kind.__name__ for kind in kinds()} & {"Health", "Creature", "Purse"}
assert not [name for name in rules() if name in ("attack", "give")]
world = load_world(game().world)
store = Store(f"sqlite:///{Path.cwd()}/world.sqlite", world)
store.migrate()
sealer = Sealer(Fernet.generate_key())
applier = Applier(
    store=store,
    rules=dict(rules()),
    passwords=QuickPasswords(),
    sealer=sealer,
    limits=Limits(),
    clock_ms=lambda: 10_000,
    seed="t",
)


def tell(name, event, conn="c", **more):
    return Envelope(id=f"{conn}-{name}:{event.seq}:{type(event).__name__}", event=sealer.seal(event), at_ms=9_999,
                    conn=f"{conn}-{name}", gateway="g", token=f"#{conn}-{name}", **more)


def plays(name, event):
    return tell(name, event, player=name, session=f"c-{name}")


def packets(applied):
    parts = (*applied.outbound.unicasts, *applied.outbound.multicasts)
    return [msgspec.msgpack.decode(one.packet) for one in parts if one.packet]


def done(*batch):
    applied = applier.apply(batch)
    assert applied.held == (), applied.held
    return applied


def the(kind, applied):
    return next(packet for packet in packets(applied) if packet["type"] == kind)


for name in ("Ada", "Bob"):
    applied = done(tell(name.lower(), Register(name=name, password="long enough", seq=1)))
    entered = the("ok", applied)["data"]
    assert entered["zone"] == "home" and not {"hp", "hp_max", "xp"} & set(entered), entered
    assert the("appeared", applied)["being"]["name"] == name
    (follow,) = [one.follow for one in applied.outbound.unicasts if one.follow and one.follow.player]
    assert set(follow.watch) == {"view", "channels"}, follow
done(plays("ada", Join(channel="news", seq=1)))
walked = the("ok", done(plays("ada", Move(dir="s", seq=2))))
assert (walked["data"]["x"], walked["data"]["y"]) == (1, 2), walked
view = the("view", done(plays("bob", Look(seq=1))))
assert [being["name"] for being in view["beings"]] == ["Ada"]
assert the("heard", done(plays("ada", Say(text="hi", seq=2))))["by"] == "Ada"
lost = done(plays("ada", Lost()))
assert [packet["type"] for packet in packets(lost)] == ["vanished"]
assert not store.get(Player, "ada").present
again = done(plays("ada", Rejoin()))
assert [packet["type"] for packet in packets(again)] == ["appeared"]
assert again.outbound.unicasts[0].follow.watch["channels"] == ("channel.news",)
done(plays("ada", Logout(seq=3)))
came_back = the("ok", done(tell("ada", Login(name="Ada", password="long enough", seq=1), conn="d")))
assert (came_back["data"]["x"], came_back["data"]["y"]) == (1, 2)
assert store.get(Body, "ada").v == 6
assert apply_maps.check(store, world, lambda: 1) == {}
assert "sessions.sweep" in {spec.task for spec in catalogue.periodic()}
swept = done(Envelope(id="sweep:1", event=Sweep(n=1), at_ms=9_999))
assert swept.outcomes == {"ok": 1}, swept.outcomes
if "enter" in rules():
    from gameserver.modules.instances.events import Depart, Enter

    assert not {kind.__name__ for kind in kinds()} & {"Group", "Member"}
    for who, seq, zone in (("ada", 2, "den#1"), ("bob", 2, "den#2")):
        more = {"player": who, "session": "d-ada" if who == "ada" else "c-bob"}
        entered = the("ok", done(tell(who, Enter(template="den", seq=seq), conn=more["session"][0], **more)))
        assert entered["data"]["zone"] == zone, entered
    assert the("ok", done(plays("bob", Depart(seq=3))))["data"]["zone"] == "home"
store.close()
"""
MAP = """
{"type": "map", "orientation": "orthogonal", "infinite": false, "width": 3, "height": 3,
 "tilewidth": 16, "tileheight": 16,
 "properties": [{"name": "title", "value": "Home"}, {"name": "start", "value": true}],
 "layers": [
  {"name": "ground", "type": "tilelayer", "width": 3, "height": 3, "data": [1, 1, 1, 1, 1, 1, 1, 1, 1]},
  {"name": "walls", "type": "tilelayer", "width": 3, "height": 3, "data": [0, 0, 0, 0, 0, 0, 0, 0, 0]},
  {"name": "objects", "type": "objectgroup", "objects": [{"id": 1, "type": "spawn", "x": 24, "y": 24}]}]}
"""
GATE = '{"id": 2, "type": "gate", "x": 8, "y": 8, "properties": [{"name": "template", "value": "den"}]}'
CREATURE = '{"id": 2, "type": "creature", "x": 8, "y": 8, "properties": [{"name": "kind", "value": "rat"}]}'


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "small").mkdir()
    (tmp_path / "home.tmj").write_text(MAP)
    (tmp_path / "small.world").write_text('{"type": "world", "maps": [{"fileName": "home.tmj"}]}')
    return tmp_path


def played(folder: Path, modules: tuple[str, ...], program: str = PLAY) -> subprocess.CompletedProcess[str]:
    (folder / "small/__init__.py").write_text(GAME % (modules, str(folder / "small.world")))
    environ = {
        **os.environ,
        "GAMESERVER_GAME": "small",
        "GAMESERVER_HOME": str(folder),
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environ, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    "modules",
    [("sessions", "movement", "chat"), ("world", "sessions", "movement", "chat")],
    ids=["three modules alone", "with the world's ticks and its sweep"],
)
def test_a_game_without_combat_and_trade_is_played(modules: tuple[str, ...], small: Path) -> None:
    done = played(small, modules)
    assert done.returncode == 0, done.stderr


def test_instances_of_a_game_without_groups_are_each_player_s_own(small: Path) -> None:
    (small / "home.tmj").write_text(MAP.replace('"objects": [', f'"objects": [{GATE}, '))
    (small / "den.tmj").write_text(MAP.replace('"name": "start"', '"name": "template"'))
    (small / "small.world").write_text('{"type": "world", "maps": [{"fileName": "home.tmj"}, {"fileName": "den.tmj"}]}')
    done = played(small, ("world", "sessions", "movement", "chat", "instances"))
    assert done.returncode == 0, done.stderr


def test_the_map_of_a_game_without_combat_shows_no_creatures(small: Path) -> None:
    (small / "home.tmj").write_text(MAP.replace('"objects": [', f'"objects": [{CREATURE}, '))
    done = played(small, ("sessions", "movement", "chat"))
    assert "object 2 has class 'creature', expected one of spawn, portal" in done.stderr


def test_a_module_without_the_one_below_it_is_refused(small: Path) -> None:
    done = played(small, ("sessions", "combat"), "from gameserver.rules.book import rules; rules()")
    assert "bad_module: " in done.stderr
    assert re.search(r"gameserver/modules/combat/hooks\.py:\d+: ", done.stderr)
