"""A game of one's own that is written wrongly: one sentence that names a place, in bounded time, nothing begun.

``test_bad_declarations`` holds that every program is stopped by a game that cannot be read; here is what cannot be.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gameserver.local.scaffold import new_game

ROOT = Path(__file__).parents[3]
PROGRAMS = {
    "check": ("gameserver.local.game_check",),
    "up": ("gameserver", "up"),
    "dev": ("gameserver", "dev"),
    "gateway": ("gateway", "tcp:0:interface=127.0.0.1"),
    "worker": ("celery", "-A", "tasks", "worker", "-Q", "movement"),
    "beat": ("celery", "-A", "tasks", "beat"),
}
GESTURES, VERSIONS = "isle/gestures", "isle/migrations/versions"
FLOWERS_MIGRATION = f"{VERSIONS}/isle_0002_flowers.py"

Spoil = Callable[[Path], None]


def said(game: Path, program: str = "check") -> str:
    """The one line that a program says before it ends; it must end with a failure, and leave nothing behind."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("GAMESERVER_")}
    environ = {**known, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *PROGRAMS[program]]
    done = subprocess.run(command, cwd=game, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert not (game / "var").exists(), "nothing is half started"
    (line,) = done.stderr.splitlines()
    return line.removeprefix("gameserver: ")


def added(path: str, text: str) -> Spoil:
    def spoil(game: Path) -> None:
        file = game / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((file.read_text() if file.exists() else "") + text)

    return spoil


def changed(path: str, old: str, new: str) -> Spoil:
    def spoil(game: Path) -> None:
        text = (game / path).read_text()
        assert old in text
        (game / path).write_text(text.replace(old, new, 1))

    return spoil


def removed(path: str) -> Spoil:
    return lambda game: (game / path).unlink()


def event(fields: str, options: str = 'lane="act"') -> Spoil:
    """An event ``Point`` more."""
    return added(
        f"{GESTURES}/events.py", f'\n\n@event({options})\nclass Point(Event):\n    """Point."""\n\n    {fields}\n'
    )


def rule(text: str) -> Spoil:
    """An event and what is to be its rule."""

    def spoil(game: Path) -> None:
        event("x: int")(game)
        added(f"{GESTURES}/rules.py", f"\n\n{text}\n")(game)

    return spoil


def entity(fields: str, options: str = "") -> Spoil:
    """An entity ``Sign`` more."""
    sign = f'\n\n@entity({options})\nclass Sign(Entity, frozen=True):\n    """A sign."""\n\n    {fields}\n'
    return added(f"{GESTURES}/entities.py", sign)


def hook(line: str, function: str = "def h(state, event, context):\n    return None") -> Spoil:
    return added(f"{GESTURES}/hooks.py", f"\n\n{line}\n{function}\n")


def text(lines: str) -> Spoil:
    imports = (
        "from gameserver.game import answered, answers, command, told\nfrom isle.gestures.events import Wave, Waved\n"
    )
    return added(f"{GESTURES}/text.py", f"{imports}\n{lines}\n")


def drawn(**what: Any) -> Spoil:
    """An object more on the map."""

    def spoil(game: Path) -> None:
        file = game / "isle/maps/village.tmj"
        whole = json.loads(file.read_text())
        (objects,) = (layer["objects"] for layer in whole["layers"] if layer["type"] == "objectgroup")
        objects.append({"id": 99, "x": 88, "y": 88, "width": 0, "height": 0, "point": True, "rotation": 0, **what})
        file.write_text(json.dumps(whole))

    return spoil


def both(*spoils: Spoil) -> Spoil:
    def spoil(game: Path) -> None:
        for one in spoils:
            one(game)

    return spoil


LANES = r"isle/gestures/events.py:\d+: gestures.point: "
WRONG: dict[str, tuple[Spoil, str]] = {
    "sys.exit at import": (added(f"{GESTURES}/rules.py", "\nraise SystemExit(0)\n"), r"rules.py:\d+: SystemExit: 0\."),
    "KeyboardInterrupt": (
        added(f"{GESTURES}/rules.py", "\nraise KeyboardInterrupt\n"),
        r"rules.py:\d+: KeyboardInterrupt",
    ),
    "a package that fails": (
        added(f"{GESTURES}/__init__.py", "\n1 / 0\n"),
        r"gestures/__init__.py:3: ZeroDivisionError",
    ),
    "a helper that fails": (
        both(
            added(f"{GESTURES}/inner/__init__.py", "\n\nx = {}['nothing']\n"),
            added(f"{GESTURES}/rules.py", "\nimport isle.gestures.inner\n"),
        ),
        r"gestures/inner/__init__.py:3: KeyError: 'nothing'\.",
    ),
    "a message of several lines": (
        added("isle/__init__.py", "\nraise ValueError('a\\nb')\n"),
        r"isle/__init__.py:\d+: ValueError: a b\.",
    ),
    "no __init__": (removed(f"{GESTURES}/__init__.py"), r"isle/gestures has an events.py, and no __init__.py"),
    "a module that is a number": (
        changed("isle/__init__.py", '"gameserver.modules.combat"', "7"),
        r"isle/__init__.py:\d+: modules of GAME",
    ),
    "a module twice": (
        changed("isle/__init__.py", "modules.combat", "modules.chat"),
        r"isle/__init__.py:\d+: .* twice",
    ),
    "a module that is not there": (
        changed("isle/__init__.py", "modules.combat", "combat"),
        r"isle/__init__.py:\d+: there is no module gameserver.combat",
    ),
    "a beginning of another type": (
        changed("isle/__init__.py", "count=3", 'count="3"'),
        r"isle/__init__.py:\d+: begins: Flowers: count is '3'",
    ),
    "a beginning that is none": (
        changed("isle/__init__.py", 'Flowers(id="", count=3)', "3"),
        r"isle/__init__.py:\d+: begins names 3",
    ),
    "data that nobody asks for": (
        changed("isle/__init__.py", "begins", 'data={"creatures_": Path(__file__)}, begins'),
        r"is it creatures\?",
    ),
    "a project without a game": (
        changed("pyproject.toml", 'game = "isle"', 'game = ".."'),
        r"pyproject.toml:\d+: game in",
    ),
    "a field that cannot travel": (event("x: complex"), "events.py:.*: Point: its fields cannot be read"),
    "a union of two structs": (
        event("x: Waved | Wave | list[int] | set[int]"),
        "events.py:.*: Point: its fields cannot be read",
    ),
    "a field without words": (event("x: set[int]"), "describe what x may hold"),
    "a default of another type": (event('x: int = "three"'), "the default of x"),
    "a field of the engine's": (event("seq: str"), "a field cannot be called seq"),
    "a lane that is a number": (event("x: int", "lane=7"), LANES + "lane is 7, and must be str"),
    "a lane with spaces": (event("x: int", 'lane="a lane"'), LANES + "a lane has a name"),
    "an origin of no kind": (event("x: int", 'lane="act", origin="moon"'), LANES + "origin is 'moon'"),
    "a time that is no number": (
        event("x: int", 'lane="act", durable=False, stale_after_s=float("nan")'),
        LANES + "stale_after_s is nan",
    ),
    "a result that is none": (
        event("x: int", 'lane="act", result=int'),
        LANES + "its result: it must be a class derived from Result",
    ),
    "a name that no task has": (
        added(f"{GESTURES}/events.py", '\n@event(lane="act")\nclass Größe(Event):\n    "x"\n'),
        "a name has letters of a to z",
    ),
    "a notice without @notice": (
        text("@told(Wave)\ndef a(notice, sight):\n    return ''"),
        r"text.py:\d+: @told names a class of Notice",
    ),
    "a rule of other arguments": (
        rule("@rule()\ndef point(state, event):\n    return Outcome()"),
        r"rules.py:\d+: the rule point: it takes \(state, event, context\)",
    ),
    "a rule that is async": (
        rule("@rule()\nasync def point(state, event, context):\n    return Outcome()"),
        "no async, no yield",
    ),
    "a rule that yields": (
        rule("@rule()\ndef point(state, event, context):\n    yield Outcome()"),
        "no async, no yield",
    ),
    "needs of other arguments": (
        rule("@rule(needs=lambda e: ())\ndef point(state, event, context):\n    return Outcome()"),
        r"needs takes \(event, context\)",
    ),
    "components that are none": (
        rule("@rule(components=(Waves,))\ndef point(state, event, context):\n    return Outcome()"),
        "Waves is no component of Player",
    ),
    "a rule twice": (
        added(f"{GESTURES}/rules.py", "\n\n@rule()\ndef wave(state, event, context):\n    return Outcome()\n"),
        "the rule wave stands in",
    ),
    "a component of nothing": (entity("id: str", "of=int"), r"entities.py:\d+: "),
    "an entity without @entity": (
        added(f"{GESTURES}/entities.py", "\n\nclass Sign(Entity, frozen=True):\n    id: str\n"),
        "Sign is not declared with @entity",
    ),
    "a table that is a number": (entity("id: str", "table=7"), "table is 7, and must be str"),
    "two entities of one table": (entity("id: str", 'table="flowers"'), "Two entities have the table flowers"),
    "a hook that is async": (
        hook('@before("chat.say")', "async def h(state, event, context):\n    return None"),
        "no async, no yield",
    ),
    "a hook that is not called": (hook("@before"), r"hooks.py:\d+: name the event of a hook"),
    "a hook twice": (
        hook('@before("chat.say")\n@before("chat.say")'),
        r"hooks.py:\d+ declares one of this name and order",
    ),
    "a hook on what the game has not": (hook('@before("trade.give")'), "there is no such event"),
    "a hook in another file": (
        added(
            f"{GESTURES}/rules.py",
            "\nfrom gameserver.game import before\n\n\n"
            "@before('chat.say')\ndef h(state, event, context):\n    return None\n",
        ),
        r"rules.py:\d+: this stands in a module's hooks.py, or has no effect",
    ),
    "an order that is a cycle": (
        hook('@before("chat.say", order="after:soften")'),
        "order is 'after:soften', and must be int|order is an integer",
    ),
    "words that another module has": (
        text('from gameserver.modules.chat.events import Say\ncommand("say <text...>", Say)'),
        r"text.py:\d+: the form 'say <text...>': .*chat/text.py:\d+ has it already",
    ),
    "words that say too little": (
        text('from isle.flowers.events import Hand\ncommand("hand", Hand)'),
        "it says nothing of to",
    ),
    "prose of other arguments": (
        text("@told(Waved)\ndef a(notice):\n    return ''"),
        r"the function takes \(notice, sight\)",
    ),
    "an object of no class": (drawn(type="nothing"), "village.tmj: object 99 has class 'nothing'"),
    "an object of no kind": (
        drawn(type="creature", properties=[{"name": "kind", "type": "string", "value": "wulf"}]),
        "village.tmj: .*wulf",
    ),
    "an object class twice": (
        added(
            f"{GESTURES}/maps.py",
            "from gameserver.game import MapObject\n" + 2 * "\n\nclass Chest(MapObject, frozen=True):\n    pass\n",
        ),
        r"Two classes of map objects have the name chest",
    ),
    "a check of maps that fails": (
        added(
            f"{GESTURES}/maps.py",
            "from gameserver.maps.objects import checks_world\n\n\n@checks_world\ndef c(world):\n    yield 1 / 0\n",
        ),
        r"gestures/maps.py:6: ZeroDivisionError",
    ),
    "a migration that is missing": (removed(f"{VERSIONS}/isle_0001_waves.py"), "isle_0001"),
    "two migrations of one name": (
        added(f"{VERSIONS}/isle_0002_again.py", 'revision = "isle_0002"\ndown_revision = None\n'),
        "isle_0002",
    ),
    "migrations in a circle": (
        changed(f"{VERSIONS}/isle_0001_waves.py", "down_revision = None", 'down_revision = "isle_0002"'),
        "isle/migrations/versions: .*[Cc]ycle",
    ),
    "a migration that fails": (
        changed(FLOWERS_MIGRATION, "op.create_table(", "1 / 0\n    op.create_table("),
        r"isle_0002_flowers.py:\d+: ZeroDivisionError",
    ),
    "a migration of other columns": (
        changed(FLOWERS_MIGRATION, '"count"', '"number"'),
        r"flowers/entities.py:\d+: A migration is missing",
    ),
    "a migration of the engine's tables": (
        changed(FLOWERS_MIGRATION, "op.create_table(", 'op.drop_table("outbox")\n    op.create_table('),
        "changes outbox, a table of the engine's",
    ),
    "a migration of another game": (
        added(
            f"{VERSIONS}/atoll_0001.py", 'revision = "atoll_0001"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n'
        ),
        "both follow the same migration",
    ),
    "conserved of no field": (
        added(
            f"{GESTURES}/conserved.py",
            "from gameserver.game import conserved, total\nfrom isle.gestures.entities import Waves\n\n"
            'conserved("x", total(Waves, "y"))\n',
        ),
        r"conserved.py:4: conserved 'x': Waves has no field y",
    ),
    "bots that fail": (added("isle/bots.py", "\n1 / 0\n"), r"isle/bots.py:2: ZeroDivisionError"),
}


@pytest.fixture
def isle(tmp_path: Path) -> Path:
    return new_game("isle", tmp_path)


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_written_wrongly_is_named(fault: str, isle: Path) -> None:
    spoil, sentence = WRONG[fault]
    spoil(isle)
    assert re.search(sentence, said(isle))


@pytest.mark.parametrize("program", [name for name in PROGRAMS if name != "check"])
def test_whatever_happens_in_a_games_code_stops_every_program(program: str, isle: Path) -> None:
    spoil, sentence = WRONG["sys.exit at import"]
    spoil(isle)
    assert re.search(sentence, said(isle, program))


def test_what_does_not_come_to_its_end_is_named(isle: Path) -> None:
    added(f"{GESTURES}/rules.py", "\nimport gameserver.declare.importing as i\ni._end(0, None)\n")(isle)
    assert re.search(r"rules.py:\d+: TimeoutError: it does not come to its end within 120 s", said(isle))
