"""docs/protocol.md says what the code does."""

import base64
import math
import re

import msgspec
import pytest
from msgspec.structs import replace

from docs.refresh import PROTOCOL, between
from gameserver.cli import main
from gameserver.declare import catalogue
from gameserver.modules.combat.creature_kinds import KINDS
from gameserver.modules.movement.events import Chart
from gameserver.modules.movement.rules import EARLY_MS, STEP_MS
from gameserver.testing.two_zones import MEADOW, WORLD, circumstances, play, player, replied, state
from gameserver.wire import packets
from gameserver.wire.codecs import client_packets, json_codec, msgpack_codec
from gameserver.wire.frames import Prefixed
from gameserver.wire.packets import FromServer, Hello
from tests.unit.docs.codes import ERRORS, ROOT, codes_in, error_codes, farewell_codes

TEXT = (ROOT / PROTOCOL).read_text()
STALE = "docs/protocol.md is behind the code: run `python docs/refresh.py`"


def printed(capsys: pytest.CaptureFixture[str], option: str) -> str:
    assert main(["events", option]) == 0
    return capsys.readouterr().out.strip()


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def listed(title: str) -> list[str]:
    """The first column of a section's table."""
    return re.findall(r"^\| `([a-z_]+)` \|", section(title), re.MULTILINE)


def test_the_tables_are_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert between(TEXT, "events") == printed(capsys, "--markdown"), STALE


def test_the_diagram_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert between(TEXT, "states") == f"```mermaid\n{printed(capsys, '--states')}\n```", STALE


@pytest.mark.parametrize(("title", "found"), [("Errors", error_codes()), ("Farewells", farewell_codes())])
def test_every_code_is_listed_once_and_no_other(title: str, found: set[str]) -> None:
    names = listed(title)
    assert len(names) == len(set(names))
    assert found - set(names) == set(), f"write these codes into docs/protocol.md, section {title}"
    assert set(names) - found == set(), "these codes are not in the code any more"


def test_the_tests_that_the_architecture_names_are_there() -> None:
    """Each path on which the gateway speaks for the game is held by a test."""
    told = (ROOT / "docs/architecture.md").read_text().split("\n## What the gateway answers by itself\n")[1]
    named = set(re.findall(r"`(test_\w+)`", told.split("\n## ")[0]))
    folders = [ROOT / "tests" / "unit" / folder for folder in ("gateway", "wire")]
    tests = "".join(path.read_text() for folder in folders for path in folder.rglob("test_*.py"))
    assert named
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_codes_are_found_however_they_are_told() -> None:
    source = """
raise Rejected("one", "Sentence.")
lanes.refuse(connection, event, "two", "Sentence.")
Error(re=1, code="three", message="Sentence.")
Other("four")
raise NotNow(
    "five",
    f"{sentence}",
)
"""
    assert set(codes_in(source, ERRORS)) == {"one", "two", "three", "five"}
    assert {"wall", "dead_lettered", "busy", "unavailable", "not_greeted"} <= error_codes()
    assert {"taken_over", "frame_too_large", "going_away"} <= farewell_codes()


def lines(side: str) -> list[bytes]:
    return [line.encode() for line in re.findall(rf"^{side}: (.*)$", section("A session, line by line"), re.MULTILINE)]


def test_what_the_example_s_client_sends_is_understood() -> None:
    sent = [json_codec().decode(line, 8) for line in lines("C")]
    assert {type(packet).__name__ for packet in sent} >= {"Hello", "Login", "Resume", "Give", "Logout"}


def test_what_the_example_s_server_sends_has_the_declared_shape() -> None:
    own = {cls.__struct_config__.tag: cls for cls in vars(packets).values() if _is_packet(cls)}
    shapes = {**own, **catalogue.notices()}
    for line in lines("S"):
        packet = msgspec.json.decode(line)
        shape = shapes[packet["type"]]
        told = msgspec.convert(packet, shape)
        assert msgspec.to_builtins(told) == packet, line


def test_all_notices_that_wait_to_be_acknowledged_are_named() -> None:
    (told,) = re.findall(r"carry an `id`: (.*?)\. They are\s", section("Notices"), re.DOTALL)
    durable = {name for name, cls in catalogue.notices().items() if cls.notice.durable}
    assert set(re.findall(r"`([a-z]+)`", told)) - {"how", "whisper"} == durable


def test_a_map_is_drawn_by_what_the_document_says_of_walls() -> None:
    """By its words alone: nothing of the server decodes it here. The server encodes the same map alike."""
    said = r"`width` (\d+) and `height` (\d+) the `walls` `([^`]+)` are:\s+```\n(.*?)\n```"
    ((width, height, walls, drawn),) = re.findall(said, section("Notices"), re.DOTALL)
    data, row = base64.b64decode(walls, validate=True), math.ceil(int(width) / 8)
    assert len(data) == row * int(height)
    tiles = [[data[y * row + x // 8] & (128 >> (x % 8)) for x in range(int(width))] for y in range(int(height))]
    assert ["".join("#" if wall else "." for wall in line) for line in tiles] == drawn.splitlines()
    there = frozenset((x, y) for y, line in enumerate(drawn.splitlines()) for x, tile in enumerate(line) if tile == "#")
    zone = replace(MEADOW, width=int(width), height=int(height), walls=there, objects=())
    within = state(player(), world=replace(WORLD, zones={**WORLD.zones, zone.name: zone}))
    assert replied(play(Chart(seq=1), within, circumstances(player()))).walls == walls


def test_the_kinds_that_are_no_creatures_are_named() -> None:
    """Whatever has a look that is not said of a creature: players, and objects of the map."""
    (told,) = re.findall(r"`kind` of a being says what it is: (.*?)any other is", section("Notices"), re.DOTALL)
    called = [path.read_text() for path in (ROOT / "gameserver" / "modules").rglob("hooks.py")]
    constant = {kind for text in called for kind in re.findall(r'Called\([^)]*, "(\w+)"\)', text)}
    assert set(re.findall(r"`([a-z]+)`", told)) - {"talkto"} == constant
    assert constant & set(KINDS) == set()


def _is_packet(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, FromServer) and value is not FromServer


def test_the_bytes_of_the_example_s_frame_are_a_hello() -> None:
    (dump,) = re.findall(r"^((?:[0-9a-f]{2} ?)+)$", section("Transport, codecs, framing"), re.MULTILINE)
    frames, fault = Prefixed(8192).feed(bytes.fromhex(dump))
    assert fault is None
    assert [msgpack_codec().decode(frame, 8) for frame in frames] == [Hello(protocol=packets.PROTOCOL)]
    assert "as 26 bytes" in TEXT
    assert len(bytes.fromhex(dump)) == 26


def test_every_type_of_packet_is_spoken_of() -> None:
    types = set(client_packets()) | {cls.__struct_config__.tag for cls in vars(packets).values() if _is_packet(cls)}
    assert {name for name in types if f"`{name}`" not in TEXT and f'"type":"{name}"' not in TEXT} == set(), STALE


def test_the_steps_that_one_may_take_at_once_are_told() -> None:
    most = EARLY_MS // STEP_MS + 1
    assert f"one per {STEP_MS} ms, {EARLY_MS // 1000} s in advance: after a rest {most} at once" in TEXT


def test_it_is_told_of_each_field_that_names_someone_whether_it_is_a_name_or_an_id() -> None:
    told = section("Notices").split("### The picture of the world")[0]
    bundled = {name: cls for name, cls in catalogue.notices().items() if ".modules." in cls.__module__}
    names = {name for name, cls in bundled.items() if {"by", "who", "target"} & set(cls.__struct_fields__)}
    assert names - {"moved", "vanished"} - set(re.findall(r"`([a-z]+)`", told)) == set()
