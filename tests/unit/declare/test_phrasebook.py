"""Lines of people become events, and what they are told becomes prose, by what modules declare."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver import config
from gameserver.declare import catalogue
from gameserver.declare.base import Event, Name, Notice, event, notice
from gameserver.declare.game_package import modules
from gameserver.declare.importing import exists
from gameserver.declare.packet_parts import complete
from gameserver.declare.phrasebook import LINE_CHARS_MAX, Phrasebook, phrasebook
from gameserver.declare.phrases import DECLARED, STYLED, Command, Prose, Sight, answers, command, read_form, told
from gameserver.declare.session_events import Entrance, Leaving, Resumption
from gameserver.errors import Corrupt
from gameserver.local.game_check import read_game
from gameserver.modules.chat.events import Heard, Online, Say, Shout, Talk, Whisper, Who
from gameserver.modules.combat.events import Attack, Struck
from gameserver.modules.items.events import (
    Carried,
    Drop,
    GiveItem,
    Ground,
    Inventory,
    Lying,
    Take,
    Thing,
)
from gameserver.modules.movement.events import (
    Appeared,
    Being,
    Chart,
    Charted,
    Gate,
    Look,
    Move,
    Moved,
    Sign,
    Vanished,
    View,
)
from gameserver.modules.sessions.events import Logout
from gameserver.modules.trade.events import Give, Purse, Received
from tests.unit.messages import samples


def being(id_: str, name: str, x: int, y: int, v: int = 1) -> Being:
    return complete(Being)(id=id_, name=name, kind="player" if id_ == name.lower() else "rat", x=x, y=y, hp=9, v=v)


ADA = being("ada", "Ada", 5, 5)
RATS = [being("m.rat.1", "Rat", 9, 5), being("m.rat.2", "Giant Rat", 6, 5)]
VIEW = View(zone="town", title="Millbrook", width=9, height=9, you=ADA, beings=[being("bob", "Bob", 5, 2), *RATS])


@pytest.fixture
def sight() -> Sight:
    made = Sight()
    made.me |= {"id": "ada", "name": "Ada", "x": 5, "y": 5, "hp": 100, "hp_max": 100}
    phrasebook().tell(VIEW, made)
    phrasebook().tell(Ground(things=[Lying(id="t1", kind="sword", title="Rusty Sword", x=5, y=5, v=1)]), made)
    phrasebook().answer(Inventory(), Carried(things=[Thing(id="t2", kind="bread", title="Bread")], worn=[]), made)
    return made


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("north", Move(dir="n")),
        ("n", Move(dir="n")),
        ("NORTHE", Move(dir="ne")),
        ("se", Move(dir="se")),
        ("  say   hello  there ", Say(text="hello  there")),
        ("'hello", Say(text="hello")),
        ("sh hello", Shout(text="hello")),
        ("tell bob come here", Whisper(to="bob", text="come here")),
        ("#trade selling swords", Talk(channel="trade", text="selling swords")),
        ("who", Who()),
        ("give 5 coins to bob", Give(to="bob", coins=5)),
        ("GIVE bob 5", Give(to="bob", coins=5)),
        ("purse", Purse()),
        ("kill rat", Attack(target="m.rat.2")),
        ("kill 2.rat", Attack(target="m.rat.1")),
        ("attack giant rat", Attack(target="m.rat.2")),
        ("hit m.rat.1", Attack(target="m.rat.1")),
        ("take sword", Take(thing="t1")),
        ("get rusty", Take(thing="t1")),
        ("drop bread", Drop(thing="t2")),
        ("give bread to bob", GiveItem(thing="t2", to="bob")),
        ("i", Inventory()),
        ("inv", Inventory()),
        ("look", Look()),
        ("l", Look()),
        ("quit", Logout()),
    ],
)
def test_a_line_is_an_event(line: str, meant: Event, sight: Sight) -> None:
    assert phrasebook().read(line, sight) == meant


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("fly", "I don't know the word 'fly'"),
        ("qui", "I don't know the word"),  # nobody leaves by an abbreviation
        ("kill", "Type kill <target:being>."),
        ("kill wolf", "You see no 'wolf' here."),
        ("kill 3.rat", "You see no '3.rat' here."),
        ("give bob many", "coins: 1 to 1,000,000."),
        ("give x 5", "to: 2 to 20 letters"),
        ("say", "Type say <text...>."),
        ("look at bob", "is 3 north"),
        ("help", "You can type: quit, north"),
        ("help give", "Give coins to a player"),
        ("help fly", "I don't know the word 'fly'"),
    ],
)
def test_what_is_no_event_is_answered_at_once(line: str, answer: str, sight: Sight) -> None:
    said = phrasebook().read(line, sight)
    assert isinstance(said, str)
    assert answer in said


@given(st.text(max_size=60) | st.text("kilgve<>.' 123", max_size=LINE_CHARS_MAX * 2))
def test_whatever_is_typed_is_an_event_or_answered(line: str) -> None:
    sight = Sight()
    phrasebook().tell(VIEW, sight)
    assert isinstance(phrasebook().read(line, sight), Event | str)


def test_a_line_as_long_as_lines_may_be_is_soon_understood() -> None:
    """Patterns with several places that take anything must not try all ways to divide a line."""
    sight = Sight()
    for line in ("give " + "a " * LINE_CHARS_MAX, "kill " + "." * LINE_CHARS_MAX, "look at" + " at" * LINE_CHARS_MAX):
        phrasebook().read(line, sight)


TEXTS = [module for module in modules() if exists(f"{module}.text")]


@pytest.mark.parametrize("module", TEXTS)
def test_all_that_people_send_can_be_typed(module: str) -> None:
    """Of a module that has a ``text.py``. What a terminal does by itself is no command: entering, acknowledging."""
    typed = {each.event for each in phrasebook().commands if each.file == f"{module}.text"}
    events = {name: cls for name, cls in catalogue.client_events().items() if cls.__module__ == f"{module}.events"}
    left = {name for name, cls in events.items() if cls not in typed and not issubclass(cls, Entrance)}
    assert left - {"ack"} == set()


@pytest.mark.parametrize("module", TEXTS)
def test_all_that_people_are_told_is_prose(module: str) -> None:
    known = {(each.kind, each.of) for each in DECLARED if isinstance(each, Prose)}
    own = {name for name, cls in catalogue.notices().items() if cls.__module__ == f"{module}.events"}
    events = {name: cls for name, cls in catalogue.client_events().items() if cls.__module__ == f"{module}.events"}
    replies = {name for name, cls in events.items() if name != "ack" and not issubclass(cls, Resumption | Leaving)}
    assert {name for name in own if ("told", name) not in known} == set()
    assert {name for name in replies if ("answered", name) not in known} == set()


def test_a_small_map_is_drawn(sight: Sight) -> None:
    walls = b64encode(bytes((0b11111111, 0b10000000, 0b10000000, 0b10000000))).decode()
    chart = complete(Charted)(
        zone="town", title="Millbrook", width=9, height=2, walls=walls, gates=[Gate(x=3, y=1, zone="cave")]
    )
    sight.me |= {"zone": "town", "x": 2, "y": 1}
    sight.things["being"] = {"bob": being("bob", "Bob", 4, 1)}
    assert isinstance(phrasebook().read("map", sight), Chart)
    drawing = phrasebook().answer(Chart(), chart, sight)
    shown = [line.strip() for line in STYLED.sub("", drawing).split("\n") if line.strip()]
    assert shown == ["#########", "#.@+B...#"]
    chart = replace(chart, signs=[Sign(kind="shop", name="store", title="Store", x=5, y=1)])
    shown = STYLED.sub("", phrasebook().answer(Chart(), chart, sight))
    assert "@+B$" in shown
    assert shown.endswith("Here are: Store (store) 3 east.")


def test_prose_knows_who_reads_it(sight: Sight) -> None:
    book = phrasebook()
    theirs = Heard(how="say", by="Bob", text="hello", at_ms=1)
    mine = Heard(how="say", by="Ada", text="hello", at_ms=1)
    assert "says" in book.tell(theirs, sight)
    assert book.tell(mine, sight).startswith("You say")
    struck = Struck(by="m.rat.1", target="ada", damage=3, hp=97, v=2)
    assert "Rat strikes you for 3" in book.tell(struck, sight)
    assert sight.me["hp"] == 97
    assert "2 in the world: Ada, Bob" in book.answer(Who(), Online(names=["Ada", "Bob"], count=2), sight)
    assert "gives you 5 coins" in book.tell(Received(by="Bob", coins=5, total=9), sight)


def test_comings_and_goings_are_told_where_there_is_no_crowd(sight: Sight) -> None:
    book = phrasebook()
    assert "comes into view, 2 southeast" in book.tell(Appeared(being=being("cora", "Cora", 7, 7)), sight)
    assert book.tell(Moved(who="cora", x=8, y=8, v=2), sight) == ""
    assert sight.things["being"]["cora"].x == 8
    assert book.tell(Vanished(who="cora", v=1), sight) == ""  # older than the step
    assert "is gone" in book.tell(Vanished(who="cora", v=2), sight)
    for n in range(9):
        book.tell(Appeared(being=being(f"b{n}", f"Bob{n}", 7, 7)), sight)
    assert book.tell(Appeared(being=being("cora", "Cora", 7, 7)), sight) == ""


def test_a_view_is_told_when_the_zone_is_new_or_somebody_looks(sight: Sight) -> None:
    book = phrasebook()
    assert book.tell(VIEW, sight) == ""
    book.read("look", sight)
    assert "Millbrook" in book.tell(VIEW, sight)


def test_programs_are_told_in_gmcp(sight: Sight) -> None:
    found = dict(phrasebook().gmcp(VIEW, sight))
    assert found["Char.Vitals"] == {"hp": 9, "maxhp": 100}
    assert found["Room.Info"]["name"] == "Millbrook"
    assert phrasebook().gmcp(Moved(who="bob", x=1, y=1, v=9), sight) == []


def test_lines_are_completed(sight: Sight) -> None:
    book = phrasebook()
    assert book.completions("sa", sight) == ["say"]
    assert book.completions("kill gi", sight) == ["kill Giant Rat"]
    assert book.completions("", sight) == []


def test_what_nobody_declares_has_a_plain_form(monkeypatch: pytest.MonkeyPatch) -> None:
    class Poke(Event):
        """Poke someone."""

        whom: Name
        hard: bool = False

    class Poked(Notice):
        """Someone was poked."""

        whom: str

    event(lane="talk")(Poke)
    notice()(Poked)
    monkeypatch.setattr(catalogue, "client_events", lambda: {"poke": Poke})
    book: Phrasebook = phrasebook.__wrapped__()  # type: ignore[attr-defined]
    assert book.read("poke Bob", Sight()) == Poke(whom="Bob")
    assert book.tell(Poked(whom="Bob"), Sight()) == "poked: whom Bob"
    assert book.answer(Poke(whom="Bob"), None, Sight()) == "Done."


@pytest.fixture(autouse=True)
def _as_before() -> Any:
    from gameserver.declare import base

    phrasebook()
    kept = [list(each) for each in (DECLARED, base.DECLARED)]
    yield
    DECLARED[:], base.DECLARED[:] = kept


def test_a_form_that_names_no_field_is_refused_with_its_place() -> None:
    with pytest.raises(Corrupt, match=r"test_phrasebook.py:\d+: the form 'say <words>': Say has no such fields"):
        command("say <words>", Say)
    with pytest.raises(Corrupt, match="begins with a word in small letters, or a sign"):
        answers("<x> say")(lambda sight, x: "")


def test_a_form_s_parts_are_found() -> None:
    verb, pattern, groups = read_form("put <thing:item> into <box:item>")
    assert verb == "put"
    assert groups == {"thing": "item", "box": "item"}
    assert pattern.fullmatch("the big sword INTO a chest")["thing"] == "the big sword"
    assert read_form("'<text...>")[0] == "'"


def test_declarations_know_the_file_that_makes_them() -> None:
    command("say <text...>", Say)
    told(Heard)(lambda notice, sight: "")
    mine = [each for each in DECLARED if each.file == __name__]
    assert [type(each) for each in mine] == [Command, Prose]


def test_prose_that_fails_costs_its_sentence_alone(caplog: pytest.LogCaptureFixture) -> None:
    def fails(*_: Any, **__: Any) -> str:
        raise ValueError("a game's fault")

    book = Phrasebook(
        (),
        [
            Prose(kind="told", of="heard", function=fails, file="", at=""),
            Prose(kind="answered", of="who", function=fails, file="", at=""),
            Prose(kind="status", of="", function=fails, file="", at=""),
            Prose(kind="gmcp", of="Heard", function=fails, file="", at=""),
        ],
    )
    heard = Heard(how="say", by="Bob", text="hi", at_ms=1)
    assert book.tell(heard, Sight()) == "heard: how say, by Bob, text hi, at_ms 1"
    assert book.answer(Who(), None, Sight()) == "Done."
    assert (book.status(Sight()), book.gmcp(heard, Sight())) == ("", [])
    assert len(caplog.records) == 1


def test_a_server_does_not_begin_with_words_that_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> Phrasebook:
        command("say <words>", Say)
        return phrasebook()

    monkeypatch.setattr("gameserver.declare.phrasebook.phrasebook", wrong)
    with pytest.raises(Corrupt, match="has no such fields"):
        read_game(config.load())


def test_what_is_wished_for_twice_is_sent_once() -> None:
    sight = Sight()
    sight.wish(Chart())
    sight.wish(Chart())
    assert sight.take_wishes() == [Chart()]
    assert sight.take_wishes() == []


def spoken(monkeypatch: pytest.MonkeyPatch) -> set[Any]:
    """The functions that fail from now on. (A map's walls are no text at random: "chart" has a test of its own.)"""
    failed: set[Any] = set()
    monkeypatch.setattr("gameserver.declare.phrasebook._FAILED", failed)
    return failed


@pytest.mark.parametrize("name", sorted(catalogue.notices()))
def test_any_notice_can_be_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failed, cls = spoken(monkeypatch), catalogue.notices()[name]

    @settings(max_examples=10)
    @given(samples.value(cls))
    def say(told: Any) -> None:
        sight = Sight()
        sight.me |= {"id": "ada", "name": "Ada", "x": 5, "y": 5}
        for _ in range(2):
            phrasebook().tell(told, sight)
            phrasebook().gmcp(told, sight)

    say()
    assert failed == set()


@pytest.mark.parametrize("name", sorted(set(catalogue.client_events()) - {"ack", "resume", "chart"}))
def test_any_reply_can_be_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failed, cls = spoken(monkeypatch), catalogue.client_events()[name]
    data = st.none() if cls.spec.result is None else samples.value(cls.spec.result)

    @settings(max_examples=10)
    @given(samples.event(cls), data)
    def say(event: Event, told: Any) -> None:
        sight = Sight()
        phrasebook().answer(event, told, sight)
        phrasebook().gmcp(told, sight)

    say()
    assert failed == set()
