"""What is declared wrongly stops every process at its start, with one sentence that names file and line."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MODULE = "gameserver/games/millbrook/signs"
PROGRAMS = {
    "gateway": ("gateway", "tcp:0:interface=127.0.0.1"),
    "worker": ("celery", "-A", "tasks", "worker", "-Q", "movement"),
    "beat": ("celery", "-A", "tasks", "beat"),
    "up": ("gameserver", "up"),
    "events": ("gameserver", "events"),
}
SERVING = [name for name in PROGRAMS if name != "events"]
SIGNS = '''from gameserver.declare.base import (Event, Notice, event, notice)


@event(lane="act")
class Point(Event):
    """Point at someone."""
'''
RULE = '''from gameserver.rules.outcome import Outcome, rule


@rule()
def point(state, event, context):
    """Nothing comes of it."""
    return Outcome()
'''
ENTITIES = '''from gameserver.declare.entity import Entity, entity


@entity()
class Sign(Entity, frozen=True):
    """It stands somewhere."""

    text: str
'''


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in ("gameserver", "gateway", "tasks"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "celeryconfig.py", tmp_path)
    return tmp_path


def write(folder: Path, events: str = SIGNS, rules: str = RULE) -> None:
    module = folder / MODULE
    module.mkdir()
    (module / "__init__.py").write_text("")
    (module / "events.py").write_text(events)
    (module / "rules.py").write_text(rules)


def add(folder: Path, path: str, text: str) -> int:
    """Append to a file. Returns the line on which the text begins."""
    file = folder / path
    before = file.read_text()
    file.write_text(before + text)
    return before.count("\n") + 1


def said(folder: Path, program: str) -> str:
    """The one line that a program says before it ends; it must end with a failure, and leave nothing behind."""
    environ = {**os.environ, "PYTHONPATH": str(folder), "GAMESERVER_HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *PROGRAMS[program]], cwd=folder, env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    assert not (folder / "var").exists(), "nothing is half started"
    (line,) = done.stderr.splitlines()
    return line.removeprefix("gameserver: ")


@pytest.mark.parametrize("program", PROGRAMS)
def test_two_events_of_one_name_in_two_families_stop_every_program(program: str, copy: Path) -> None:
    write(copy)
    at = add(
        copy, "gameserver/modules/trade/events.py", '\n\n@event(lane="trade")\nclass Point(Event):\n    """Point."""\n'
    )
    assert said(copy, program) == (
        f"Two declarations have the name point: gameserver/modules/trade/events.py:{at + 2} and "
        f"{MODULE}/events.py:4; rename one."
    )


@pytest.mark.parametrize(
    "second",
    [
        '@event(lane="talk")\nclass Point(Event):\n    """Point once more, in the same module."""',
        "@notice()\nclass Point(Notice):\n    pass",
        "@notice()\nclass Heard(Notice):\n    pass",
    ],
    ids=["two events of one module", "an event and a notice", "two notices"],
)
def test_one_name_is_for_one_declaration(second: str, copy: Path) -> None:
    write(copy, SIGNS + f"\n\n{second}\n")
    assert re.fullmatch(
        rf"Two declarations have the name (point: {MODULE}/events.py:4 and {MODULE}/events.py:9"
        rf"|heard: gameserver/modules/chat/events.py:\d+ and {MODULE}/events.py:9); rename one\.",
        said(copy, "events"),
    )


@pytest.mark.parametrize(
    ("program", "rules"),
    [*((program, "") for program in SERVING), ("up", "def point(state, event, context):\n    return None\n")],
)
def test_an_event_without_a_rule_is_named(program: str, rules: str, copy: Path) -> None:
    write(copy, rules=rules)
    cure = "write gameserver.games.millbrook.signs.rules.point, marked with @rule()"
    assert said(copy, program) == f"gameserver/games/millbrook/signs/events.py:4: signs.point has no rule: {cure}."


def test_a_family_without_a_module_of_rules_is_named(copy: Path) -> None:
    write(copy)
    (copy / "gameserver/games/millbrook/signs/rules.py").unlink()
    assert "signs.point has no rule: write gameserver.games.millbrook.signs.rules.point" in said(copy, "worker")


@pytest.mark.parametrize("program", SERVING)
def test_a_rule_without_an_event_is_named(program: str, copy: Path) -> None:
    write(copy, rules=f"{RULE}\n\n@rule()\ndef wink(state, event, context):\n    return Outcome()\n")
    assert said(copy, program) == (
        f"{MODULE}/rules.py:10: the rule wink answers no event: "
        "declare Wink in gameserver.games.millbrook.signs.events."
    )


@pytest.mark.parametrize(
    ("events", "rules", "sentence"),
    [
        ("import nothing_of_this_name\n", RULE, "signs/events.py:1: ModuleNotFoundError: No module named"),
        (f"{SIGNS}\nx = 1 +\n", RULE, "signs/events.py:8: SyntaxError: invalid syntax."),
        (f"{SIGNS}\nPoint.colour()\n", RULE, "signs/events.py:8: AttributeError: type object 'Point' has no"),
        (SIGNS, f"{RULE}\nundefined\n", "signs/rules.py:9: NameError: name 'undefined' is not defined."),
        (SIGNS.replace('"act"', '""'), RULE, "signs/events.py:4: signs.point: a client's event needs a lane."),
        (SIGNS.replace("Point", "Ping"), RULE, "signs/events.py:4: signs.ping: the protocol has a packet ping of"),
    ],
)
def test_a_module_that_does_not_import_is_named_with_its_line(
    events: str, rules: str, sentence: str, copy: Path
) -> None:
    write(copy, events, rules)
    assert said(copy, "up").startswith(f"gameserver/games/millbrook/{sentence}")


def test_a_place_outside_the_working_directory_is_named_whole(
    copy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write(copy, f"{SIGNS}\nx = 1 +\n")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environ = {**os.environ, "PYTHONPATH": str(copy), "GAMESERVER_HOME": str(elsewhere)}
    done = subprocess.run(
        [sys.executable, "-m", "gameserver", "events"], cwd=elsewhere, env=environ, capture_output=True, text=True
    )
    assert done.stderr == f"gameserver: {copy}/{MODULE}/events.py:8: SyntaxError: invalid syntax.\n"


HOOKS = """from gameserver.declare.hooks import after, before
from gameserver.errors import Rejected


@before("chat.say")
def hush(state, event, context):
    raise Rejected("hush", "Hush!")
"""


def hooked(folder: Path, hooks: str, *, at: str = f"{MODULE}/hooks.py") -> None:
    (folder / at).write_text(hooks)


@pytest.mark.parametrize("program", SERVING)
def test_a_hook_on_an_event_that_there_is_not_stops_every_program(program: str, copy: Path) -> None:
    write(copy)
    hooked(copy, HOOKS.replace("chat.say", "chat.sya"))
    assert said(copy, program) == (
        f"{MODULE}/hooks.py:5: the hook hush of chat.sya: there is no such event (is it chat.say?)."
    )


@pytest.mark.parametrize("program", SERVING)
def test_an_entity_without_a_key_stops_every_program(program: str, copy: Path) -> None:
    write(copy)
    (copy / MODULE / "entities.py").write_text(ENTITIES)
    assert re.match(f"{MODULE}/entities.py:4: Sign: its first field must be id: str", said(copy, program))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("chat.say", "say", r"5: the hook hush of say: there is no such event\."),
        (
            "chat.say",
            "sessions.lots",
            r"5: the hook hush of sessions.lots: there is no such event \(is it sessions.lost",
        ),
        ('"chat.say"', "7", r"5: name the event of a hook, as in @before\(\"chat.say\"\)\."),
        (", context):", "):", r"5: the hook hush of chat.say: the function takes \(state, event, context\)\."),
        ("@before", "@after", r"5: the hook hush of .*: the function takes \(state, event, context, outcome\)\."),
        ('say")', 'say", reads_state=False)', r"5: the hook hush of chat.say: the function takes \(event\)\."),
        ('say")', 'say", needs=lambda: None)', r"5: the hook hush of .*: needs takes \(event, context\)\."),
        ('say")', 'say", order="first")', "5: the hook hush of chat.say: order is an integer"),
        ("    raise", "    raise 1 +\n", "7: SyntaxError"),
        ("import after, before", "import around", "1: ImportError"),
    ],
)
def test_a_hook_that_contradicts_itself_is_named_with_its_line(old: str, new: str, sentence: str, copy: Path) -> None:
    write(copy)
    hooked(copy, HOOKS.replace(old, new))
    assert re.match(f"{MODULE}/hooks.py:{sentence}", said(copy, "up"))


def test_two_hooks_of_one_name_and_order_are_named(copy: Path) -> None:
    write(copy)
    hooked(copy, HOOKS)
    hooked(copy, HOOKS, at="gameserver/games/millbrook/hooks.py")
    assert said(copy, "up") == (
        f"gameserver/games/millbrook/hooks.py:5: the hook hush of chat.say: {MODULE}/hooks.py:5 declares one of this "
        "name and order; rename one, or give it another order."
    )


def test_hooks_are_listed_in_the_order_in_which_they_run(copy: Path) -> None:
    """By kind, by order, by the game's order of modules, by name."""
    write(copy)
    quiet = HOOKS.split("\n\n\n")[0]

    def declared(line: str, name: str, parameters: str = "state, event, context") -> str:
        return f"\n\n\n@{line}\ndef {name}({parameters}):\n    return None"

    hooked(
        copy,
        quiet
        + declared('after("chat.say")', "last", "state, event, context, outcome")
        + declared('before("chat.say", order=2)', "late")
        + declared('before("chat.say")', "b")
        + declared('before("chat.say")', "a"),
    )
    own = declared('before("chat.say")', "a_of_the_game") + declared('before("chat.say", order=-1)', "early")
    hooked(copy, quiet + own, at="gameserver/games/millbrook/hooks.py")
    module = declared('before("chat.say")', "of_chat") + declared(
        'before("chat.say", order=9, reads_state=False)', "first", "event"
    )
    hooked(copy, quiet + module, at="gameserver/modules/chat/hooks.py")
    environ = {**os.environ, "PYTHONPATH": str(copy), "GAMESERVER_HOME": str(copy)}
    done = subprocess.run(
        [sys.executable, "-m", "gameserver", "events", "--hooks"], cwd=copy, env=environ, capture_output=True, text=True
    )
    assert done.stderr == ""
    head, *rows = [re.split(r"  +", line) for line in done.stdout.splitlines()]
    assert head == ["event", "when", "order", "module", "hook", "declared at"]
    rows = [row for row in rows if row[0] == "chat.say"]  # the bundled modules have hooks of their own
    hooks = [row[4] for row in rows]
    assert hooks == ["first", "early", "of_chat", "a", "b", "a_of_the_game", "late", "last"]
    assert rows[0][1] == "before, reads no state"
    assert rows[2][3] == "gameserver.modules.chat"


CONSERVED = """from gameserver.game import conserved, total
from gameserver.modules.combat.entities import Health

conserved("life", total(Health, "hp"), sinks=("combat.atack",))
"""


@pytest.mark.parametrize("program", SERVING)
def test_what_is_conserved_but_for_an_event_that_there_is_not_stops_every_program(program: str, copy: Path) -> None:
    write(copy)
    (copy / MODULE / "conserved.py").write_text(CONSERVED)
    assert said(copy, program) == (
        f"{MODULE}/conserved.py:4: conserved 'life': there is no event combat.atack (is it combat.attack?)."
    )


KEYED = """from gameserver.declare.entity import Entity, entity


@entity()
class Sign(Entity, frozen=True):
    \"\"\"It stands somewhere.\"\"\"

    id: str
    text: str = ""
"""


@pytest.mark.parametrize("program", SERVING)
def test_a_missing_migration_stops_every_program(program: str, copy: Path) -> None:
    write(copy)
    (copy / MODULE / "entities.py").write_text(KEYED)
    cure = "gameserver migrations make MESSAGE"
    assert said(copy, program) == f"{MODULE}/entities.py:4: A migration is missing (add_table signs): {cure}"


@pytest.mark.parametrize("program", SERVING)
def test_two_migrations_that_follow_one_stop_every_program(program: str, copy: Path) -> None:
    versions = copy / "gameserver/store/migrations/versions"
    last = max(versions.glob("0*.py"))
    text = last.read_text()
    second = versions / "9999_another.py"
    second.write_text(text.replace(f'revision = "{last.name[:4]}"', 'revision = "9999"'))
    assert re.search(
        r"versions/\w+\.py:\d+ and \S+/versions/\w+\.py:\d+ both follow the same migration", said(copy, program)
    )


@pytest.mark.parametrize("program", SERVING)
def test_a_map_that_names_an_unknown_kind_stops_every_program(program: str, copy: Path) -> None:
    a_map = copy / "gameserver/games/millbrook/maps/forest.tmj"
    text = a_map.read_text()
    assert '"value":"wolf"' in text.replace(": ", ":")
    a_map.write_text(re.sub(r'("value": ?)"wolf"', r'\1"wulf"', text, count=1))
    sentence = said(copy, program)
    assert "gameserver/games/millbrook/maps/forest.tmj" in sentence
    assert "wulf" in sentence


@pytest.mark.parametrize("program", SERVING)
def test_two_modules_of_one_family_stop_every_program(program: str, copy: Path) -> None:
    write(copy)
    (copy / MODULE).rename(copy / "gameserver/games/millbrook/chat")
    chats = "gameserver.modules.chat and gameserver.games.millbrook.chat"
    assert said(copy, program) == (
        f"gameserver/games/millbrook/chat/__init__.py:1: {chats} would both be the family chat: "
        "rename one, or leave one out."
    )


@pytest.mark.parametrize(
    ("program", "name", "sentence"),
    [
        *((program, "dead", "queues or Celery tasks of the engine's own are named so") for program in SERVING),
        *(("events", name, "a module's name has small letters") for name in ("two-words", "class", "Loud")),
        ("events", "server", "queues or Celery tasks of the engine's own are named so"),
    ],
)
def test_a_folder_that_can_name_no_family_stops_every_program(
    program: str, name: str, sentence: str, copy: Path
) -> None:
    write(copy)
    (copy / MODULE).rename(copy / "gameserver/games/millbrook" / name)
    assert f"gameserver/games/millbrook/{name}: {sentence}" in said(copy, program)


PART = '''
from gameserver.game import Part, adds
from gameserver.modules.movement.events import Being


class Mood(Part):
    """How it feels."""

    hp: int


adds(Being, Mood)
'''


@pytest.mark.parametrize("program", SERVING)
def test_two_parts_with_one_field_stop_every_program(program: str, copy: Path) -> None:
    write(copy, events=SIGNS + PART)
    assert re.search(rf"{MODULE}/events\.py:\d+: Mood adds hp to Being, which has it from", said(copy, program))


GAME = "gameserver/games/millbrook/__init__.py"


def line_of(folder: Path, text: str) -> int:
    lines = (folder / GAME).read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if text in line)


def change_game(folder: Path, old: str, new: str) -> None:
    text = (folder / GAME).read_text()
    assert old in text
    (folder / GAME).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("program", SERVING)
def test_a_module_that_there_is_not_is_named_with_the_line_that_lists_it(program: str, copy: Path) -> None:
    at = line_of(copy, '"gameserver.modules.chat"')
    change_game(copy, "modules.chat", "modules.caht")
    assert said(copy, program) == (
        f"{GAME}:{at}: there is no module gameserver.modules.caht (is it gameserver.modules.chat?)."
    )


@pytest.mark.parametrize("program", SERVING)
def test_a_package_without_a_game_is_named_with_the_line_that_should_give_it(program: str, copy: Path) -> None:
    at = line_of(copy, "GAME = ")
    change_game(copy, "GAME = Game(", "GAME = dict(")
    assert said(copy, program) == f"{GAME}:{at}: the package gameserver.games.millbrook has no GAME = Game(...)."


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("GAME = ", "PLAY = ", "1: the package gameserver.games.millbrook has no GAME = Game(...)."),
        ('"gameserver.modules.chat"', '"nobodys.chat"', "there is no module nobodys.chat."),
        ('"gameserver.modules.chat"', '".chat"', "there is no module .chat."),
        ('"gameserver.modules.chat"', '"json"', "there is no module json."),
        ('"gameserver.modules.chat"', '"json.decoder"', "there is no module json.decoder."),
        ('"gameserver.modules.chat"', '"gameserver.modules.chat.events"', "there is no module gameserver.modules.chat"),
        ('"gameserver.modules.chat"', "7", "modules of GAME must be a tuple of dotted names."),
        ('MAPS / "bundled.world"', '"bundled.world"', "world of GAME must be a pathlib.Path."),
        ('MAPS / f"{name}.json"', 'f"{name}.json"', "data of GAME must be names with a pathlib.Path each."),
        ("world=", "begins=7,\n    world=", "begins of GAME must be a tuple of entities."),
        ("world=", "begins=(7,),\n    world=", "begins names 7, which is no component of this game."),
        ("modules=(", "modules=(), begins=(", "a game has one entity with actor=True, and here are 0."),
        (
            '"gameserver.modules.world",',
            '"gameserver.modules.world" "",\n        *(7).modules,',
            "AttributeError: 'int'",
        ),
    ],
)
def test_a_game_that_is_declared_wrongly_is_named_with_its_line(old: str, new: str, sentence: str, copy: Path) -> None:
    change_game(copy, old, new)
    told = said(copy, "up")
    assert re.match(rf"{GAME}:\d+: ", told)
    assert sentence in told
