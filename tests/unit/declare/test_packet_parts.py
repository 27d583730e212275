"""Modules add fields to each other's packets: in the order that clients are shown, typed, and only where they are."""

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gameserver.declare import catalogue, packet_parts
from gameserver.declare.base import Result
from gameserver.declare.packet_parts import Part, adds, complete, joined, part_in
from gameserver.errors import Corrupt
from gameserver.modules.combat.events import BeingHealth, ChartedSafety, EnteredHealth
from gameserver.modules.movement.events import Appeared, Being, Charted, EnteredAt, Move, View
from gameserver.modules.sessions.events import Entered, Login

HERE = "gameserver.modules.combat.events"  # a module of the game, for declarations of tests


class Whole(Result):
    """Something seen."""

    id: str
    v: int


class First(Part):
    hp: int


class Second(Part):
    mood: str = "calm"


@pytest.fixture
def declaring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_parts, "DECLARED", list(packet_parts.DECLARED))


def declared(whole: type[Result], *parts: type[Part], **more: Any) -> None:
    """Declare parts as combat would."""
    for part in parts:
        given = {"__name__": HERE, "adds": adds, "whole": whole, "part": part, "more": more}
        exec("adds(whole, part, **more)", given)


def test_the_bytes_of_packets_have_the_fields_of_all_modules_in_one_order() -> None:
    being = complete(Being)("ada", "Ada", "player", 3, 4, 90, 7)
    assert msgspec.json.encode(being) == b'{"id":"ada","name":"Ada","kind":"player","x":3,"y":4,"hp":90,"v":7}'
    entered = joined(
        Entered(player="ada", name="Ada", session="s", seq=3),
        [EnteredHealth(hp=9, hp_max=10, xp=0), EnteredAt(zone="town", x=1, y=2)],
    )
    assert msgspec.json.encode(entered) == (
        b'{"player":"ada","name":"Ada","session":"s","zone":"town","x":1,"y":2,"hp":9,"hp_max":10,"xp":0,"seq":3}'
    )
    assert complete(Charted).__struct_fields__[-2:] == ("safe", "signs")


def test_what_is_not_added_to_is_the_very_same_type() -> None:
    assert complete(Move) is Move
    assert catalogue.result_of(Move.spec) is Move.spec.result


def test_notices_hold_complete_structs_and_are_the_notices_that_were_declared() -> None:
    shown = {"id": "ada", "name": "Ada", "kind": "player", "x": 3, "y": 4, "hp": 90, "v": 7}
    for notice, packet in (
        (Appeared, {"type": "appeared", "being": shown}),
        (View, {"type": "view", "zone": "z", "title": "Z", "width": 1, "height": 1, "you": shown, "beings": [shown]}),
    ):
        read: Any = msgspec.convert(packet, catalogue.notices()[notice.__name__.lower()])
        assert isinstance(read, notice)
        assert msgspec.to_builtins(read) == packet
    assert catalogue.notices()["appeared"].notice is Appeared.notice


def test_what_a_part_says_is_read_with_its_types_where_it_is_there() -> None:
    assert part_in(complete(Being)("ada", "Ada", "player", 3, 4, 90, 7), BeingHealth) == BeingHealth(hp=90)
    assert part_in(Being("ada", "Ada", "player", 3, 4, 7), BeingHealth) is None


def test_an_answer_that_lacks_a_part_is_the_rules_fault() -> None:
    with pytest.raises(TypeError, match="hp"):
        joined(Entered(player="ada", name="Ada", session="s"), [EnteredAt(zone="town", x=1, y=2)])
    with pytest.raises(TypeError, match="safe"):
        joined(Entered(player="ada", name="Ada", session="s"), [ChartedSafety(safe=True)])


def test_documents_and_clients_are_shown_one_packet() -> None:
    result = catalogue.result_of(Login.spec)
    assert result is not None
    assert {"zone", "hp", "seq"} <= set(result.__struct_fields__)
    assert "``hp_max``" in (complete(Being).__doc__ or "")


@pytest.mark.usefixtures("declaring")
def test_a_field_that_is_there_already_stops_the_game_with_both_places() -> None:
    class Again(First):
        pass

    class Twice(Whole):
        pass

    declared(Twice, First, Again)
    with pytest.raises(Corrupt, match=r":\d+: Again adds hp to Twice, which has it from First\."):
        complete(Twice)


@pytest.mark.usefixtures("declaring")
def test_a_place_that_is_not_there_stops_the_game() -> None:
    class Placeless(Whole):
        pass

    declared(Placeless, First, before="moods")
    with pytest.raises(Corrupt, match=r":\d+: before='moods': Placeless has no such field\."):
        complete(Placeless)


@pytest.mark.usefixtures("declaring")
def test_what_no_module_says_is_told_as_absent() -> None:
    class Seen(Result):
        id: str
        v: int

    declared(Seen, First, before="v", absent=First(hp=7))
    declared(Seen, Second)
    assert msgspec.json.encode(joined(Seen(id="x", v=1), [])) == b'{"id":"x","hp":7,"v":1}'
    assert msgspec.to_builtins(joined(Seen(id="x", v=1), [First(hp=2), Second(mood="grim")]))["mood"] == "grim"


def test_parts_of_modules_that_the_game_has_not_are_not_there() -> None:
    class Elsewhere(Whole):
        pass

    adds(Elsewhere, First)  # said by this module, which is none of the game's
    assert complete(Elsewhere) is Elsewhere


def test_mypy_finds_a_wrong_field_of_a_part(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        textwrap.dedent("""
        from gameserver.game import Outcome, Part, adds
        from gameserver.modules.sessions.events import Entered


        class Rank(Part, frozen=True):
            rank: int


        adds(Entered, Rank)
        Outcome(parts=(Rank(rank=1),))
        Outcome(parts=(Rank(rnak=1),))
        Outcome(parts=(Rank(rank="first"),))
        """)
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(tmp_path / "wrong.py")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert [line.split(": ", 1)[1] for line in done.stdout.splitlines() if "wrong.py" in line and "error" in line] == [
        'error: Unexpected keyword argument "rnak" for "Rank"  [call-arg]',
        'error: Argument "rank" to "Rank" has incompatible type "str"; expected "int"  [arg-type]',
    ]
