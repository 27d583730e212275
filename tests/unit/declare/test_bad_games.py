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
    "test": ("gameserver", "test"),
    "export": ("gameserver", "catalogue", "export"),
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


def checked(game: Path) -> str:
    """What the check says of a game in which nothing is wrong."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *PROGRAMS["check"]]
    done = subprocess.run(command, cwd=game, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 or done.stderr
    return done.stderr


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


def migration(text: str) -> Spoil:
    """A migration more, after the others."""
    return added(f"{VERSIONS}/isle_0003.py", text)


def placed_anew(name: str) -> Spoil:
    """The same game in a package of another name."""

    def spoil(game: Path) -> None:
        (game / "isle").rename(game / name)
        for file in (*game.rglob("*.py"), game / "pyproject.toml"):
            file.write_text(re.sub(r"\bisle\b", name, file.read_text()))

    return spoil


def twice(prose: str, parameters: str) -> Spoil:
    return text("\n\n\n".join(f"@{prose}\ndef {name}({parameters}):\n    return ''" for name in "ab"))


POINT_RULE = "def point(state, event, context):\n    return Outcome()\n"
POINT = '@event(lane="act")\nclass Point(Event):\n    """Point."""\n'
MORE_EVENTS = f"from gameserver.game import Event, event\n\n\n{POINT}"
UNREAD = "nobody reads this: a module has its"
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
    "an object of no class": (drawn(type="nothing"), r"village.tmj:\d+: object 99 has class 'nothing'"),
    "an object of no kind": (
        drawn(type="creature", properties=[{"name": "kind", "type": "string", "value": "wulf"}]),
        r"village.tmj:\d+: .*wulf",
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
    "os._exit at import": (
        added(f"{GESTURES}/rules.py", "\nimport os\n\nos._exit(0)\n"),
        r"rules.py:\d+: SystemExit: os._exit\(0\)\.",
    ),
    "an optional hook on an event that its module lacks": (
        hook('@before("chat.sya", optional=True)'),
        r"hooks.py:\d+: the hook h of chat.sya: there is no such event \(is it chat.say\?\)",
    ),
    "an optional hook on an event that a module lacks which the game has not": (
        hook('@before("trade.giev", optional=True)'),
        r"the hook h of trade.giev: there is no such event \(is it trade.give\?\)",
    ),
    "an optional hook on nearly a module": (
        hook('@before("caht.say", optional=True)'),
        r"hooks.py:\d+: the hook h of caht.say: there is no module caht \(is it chat\?\)",
    ),
    "an optional hook on no module": (
        hook('@before("say", optional=True)'),
        r"hooks.py:\d+: the hook h of say: an event has the name of its module before its own",
    ),
    "a hook that is a class": (
        hook('@before("chat.say")', "class H:\n    def __init__(self, state, event, context):\n        pass"),
        r"hooks.py:\d+: the hook H of chat.say: the function is written with def",
    ),
    "a hook that is a number": (
        added(f"{GESTURES}/hooks.py", '\n\nbefore("chat.say")(7)\n'),
        r"hooks.py:\d+: the hook 7 of chat.say: the function is written with def",
    ),
    "needs that are a class": (
        hook('@before("chat.say", needs=type("N", (), {"__init__": lambda s, event, context: None}))'),
        r"hooks.py:\d+: the hook h of chat.say: needs is a function, and no class",
    ),
    "what follows a notice, and is a number": (
        added(f"{GESTURES}/world_view.py", 'from gameserver.game import follows\n\nfollows("waved")(7)\n'),
        r"world_view.py:3: what follows 'waved' is written with def",
    ),
    "two ways in which a notice reads": (
        twice("told(Waved)", "notice, sight"),
        r"text.py:9: @told of waved: isle/gestures/text.py:4 says it already",
    ),
    "two ways in which a reply reads": (
        twice("answered(Wave)", "data, event, sight"),
        r"text.py:9: @answered of wave: isle/gestures/text.py:4 says it already",
    ),
    "a lease of an hour": (event("x: int", 'lane="act", lease_s=3600'), LANES + "a lease is 1 to 180 seconds"),
    "a lease of less than nothing": (event("x: int", 'lane="act", lease_s=-3'), LANES + "a lease is 1 to 180 seconds"),
    "more attempts than the broker makes": (
        event("x: int", 'lane="act", max_attempts=50'),
        LANES + "max_attempts is 1 to 49",
    ),
    "a batch without an end": (
        event("x: int", 'lane="act", batch_max=10**9'),
        LANES + "batch_max is 1 to 10000 events",
    ),
    "what goes stale in a year": (
        event("x: int", 'lane="act", durable=False, stale_after_s=3e7'),
        LANES + "stale_after_s is 0 to 86400 seconds",
    ),
    "a period of years": (
        event("n: int", 'origin="server", durable=False, every_s=1e12'),
        LANES + "a period is 0.05 to 604800 seconds",
    ),
    "a period that is no number": (
        event("n: int", 'origin="server", durable=False, every_s=float("nan")'),
        LANES + "every_s is nan",
    ),
    "what is kept for less than nothing": (
        entity("id: str\n    at_ms: int = 0", 'keep=__import__("gameserver.game").game.Keep(by="at_ms", for_ms=-5)'),
        "Sign: for_ms is 0 to",
    ),
    "events in a folder within": (added(f"{GESTURES}/inner/events.py", MORE_EVENTS), f"inner/events.py:1: {UNREAD}"),
    "rules in a folder within": (
        both(added(f"{GESTURES}/inner/__init__.py", ""), added(f"{GESTURES}/inner/rules.py", "")),
        f"inner/rules.py:1: {UNREAD}",
    ),
    "events beside the modules": (added("isle/events.py", MORE_EVENTS), f"isle/events.py:1: {UNREAD}"),
    "a field twice": (
        both(event("x: int\n    x: str"), added(f"{GESTURES}/rules.py", f"\n\n@rule()\n{POINT_RULE}")),
        r"events.py:\d+: x is declared twice, and the last one counts",
    ),
    "a key twice": (
        changed("isle/__init__.py", "begins=", 'data={**{"a": 1, "a": 2}, **{}} and {}, begins='),
        r"isle/__init__.py:\d+: a is a key twice, and the last one counts",
    ),
    "a default that is made, and of another type": (
        both(
            added(f"{GESTURES}/events.py", "\n\nimport msgspec\n"),
            event('x: list[int] = msgspec.field(default_factory=lambda: ["three"])'),
        ),
        "Point: the default of x is not what it may hold",
    ),
    "no pyproject.toml": (removed("pyproject.toml"), r"isle/__init__.py:\d+: a game, and no pyproject.toml names it"),
    "a game called as a part of Python": (placed_anew("json"), r"pyproject.toml:\d+: json is a package that Python"),
    "a game called as a part of the engine": (
        placed_anew("tasks"),
        r"pyproject.toml:\d+: tasks is a package that Python",
    ),
    "a revision twice": (
        migration('revision = "isle_0002"\ndown_revision = "isle_0001"\n\n\ndef upgrade():\n    pass\n'),
        r"isle_0003.py:1: isle/migrations/versions/isle_0002_flowers.py:\d+ has the revision 'isle_0002' already",
    ),
    "a migration without a name": (migration("x = 3\n"), r"isle_0003.py:1: a migration has its name as text"),
    "a migration that follows a number": (
        migration('revision = "isle_0003"\ndown_revision = 2\n\n\ndef upgrade():\n    pass\n'),
        r"isle_0003.py:2: a migration names the one before it as text",
    ),
    "a migration that follows none": (
        migration('revision = "isle_0003"\ndown_revision = "isle_0009"\n\n\ndef upgrade():\n    pass\n'),
        r"isle_0003.py:2: there is no migration 'isle_0009' that it could follow",
    ),
    "a migration without upgrade": (
        migration('revision = "isle_0003"\ndown_revision = "isle_0002"\n'),
        r"isle_0003.py:1: a migration has a function upgrade\(\)",
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


def test_what_ends_the_check_itself_stops_every_program(isle: Path) -> None:
    """What kills the process that reads the game can say nothing; it is not taken for a game without fault."""
    added(f"{GESTURES}/rules.py", "\nimport os, signal\n\nos.kill(os.getpid(), signal.SIGKILL)\n")(isle)
    assert said(isle, "test") == "Reading the game isle ended with status -9, before it was read to its end."


def test_an_optional_hook_may_name_what_only_other_games_have(isle: Path) -> None:
    for line in ('@before("trade.give", optional=True)', '@before("bogus.thing", optional=True)'):
        hook(line, f"def h{len(line)}(state, event, context):\n    return None")(isle)
    assert checked(isle) == ""


def test_an_optional_hook_may_ask_for_a_component_that_only_other_games_have(isle: Path) -> None:
    line = '@before("gestures.wave", components=(Purse,), optional=True)'
    purse = "from gameserver.modules.trade.entities import Purse"
    added(f"{GESTURES}/hooks.py", f"\n\n{purse}\n\n\n{line}\ndef h(state, event, context):\n    return None\n")(isle)
    assert checked(isle) == ""
    changed(f"{GESTURES}/hooks.py", ", optional=True", "")(isle)
    assert re.search(r"the hook h of gestures.wave: Purse is no component of Player", said(isle))


def test_a_file_that_is_called_as_a_part_and_read_by_one_is_none(isle: Path) -> None:
    added(f"{GESTURES}/inner/__init__.py", "")(isle)
    added(f"{GESTURES}/inner/rules.py", "X = 1\n")(isle)
    added(f"{GESTURES}/rules.py", "\nfrom isle.gestures.inner.rules import X  # noqa\n")(isle)
    added(f"{GESTURES}/tests/rules.py", "")(isle)
    assert checked(isle) == ""


def test_each_module_may_say_how_a_notice_of_another_reads(isle: Path) -> None:
    imports = "from gameserver.game import told\nfrom isle.gestures.events import Waved\n"
    added("isle/flowers/text.py", f"{imports}\n\n@told(Waved)\ndef a(notice, sight):\n    return ''\n")(isle)
    assert checked(isle) == ""
