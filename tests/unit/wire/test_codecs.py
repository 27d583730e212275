import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gameserver.declare import catalogue
from gameserver.declare.base import SEQ_MAX
from gameserver.declare.field_descriptions import hints, type_of
from gameserver.modules.chat.events import Say, Whisper
from gameserver.wire.codecs import Codec, client_packets, json_codec, msgpack_codec, tell_apart
from gameserver.wire.errors import PacketFault, WireFault
from gameserver.wire.packets import Hello, Ok, Ping
from tests.unit.messages import samples

DEPTH_MAX = 8
VERDICTS = ("", "bad_packet", "unknown_type", "bad_field")
CODECS = {"json": json_codec(), "msgpack": msgpack_codec()}
ENCODERS = {"json": msgspec.json.encode, "msgpack": msgspec.msgpack.encode}
UNTYPED = {"json": msgspec.json.decode, "msgpack": msgspec.msgpack.decode}

both = pytest.mark.parametrize("name", CODECS)


def decoded(name: str, packet: Any) -> Any:
    return CODECS[name].decode(ENCODERS[name](packet), DEPTH_MAX)


def fault_of(name: str, raw: bytes) -> PacketFault:
    with pytest.raises(PacketFault) as caught:
        CODECS[name].decode(raw, DEPTH_MAX)
    return caught.value


def verdict(name: str, raw: bytes) -> str:
    """What is said of a frame: "" when it is a packet."""
    try:
        CODECS[name].decode(raw, DEPTH_MAX)
    except PacketFault as fault:
        return fault.code
    return ""


def complaint(name: str, packet: Any) -> tuple[str, int]:
    fault = fault_of(name, ENCODERS[name](packet))
    return fault.code, fault.re


@pytest.mark.parametrize("kind", sorted(catalogue.client_events()))
@both
@settings(max_examples=12)
@given(data=st.data())
def test_every_type_of_event_is_known_to_both_codecs(name: str, kind: str, data: st.DataObject) -> None:
    event = data.draw(samples.event(catalogue.events()[kind]))
    assert decoded(name, event) == event


@both
def test_greeting_and_keep_alive_are_packets_of_clients(name: str) -> None:
    assert decoded(name, {"type": "hello", "protocol": 1}) == Hello(protocol=1)
    assert decoded(name, {"type": "ping", "t": 5}) == Ping(t=5)


@both
@pytest.mark.parametrize("spec", [s for s in catalogue.specs() if s.origin != "client"], ids=lambda s: s.name)
def test_events_that_clients_may_not_send_are_unknown(name: str, spec: Any) -> None:
    assert complaint(name, {"type": spec.name, "seq": 7, "n": 1}) == ("unknown_type", 7)


def test_the_types_of_clients_are_the_catalogues_and_two_more() -> None:
    assert set(client_packets()) == set(catalogue.client_events()) | {"hello", "ping"}


@both
@pytest.mark.parametrize(
    ("packet", "code", "re"),
    [
        ([1, 2], "bad_packet", 0),
        (None, "bad_packet", 0),
        ({}, "bad_packet", 0),
        ({"seq": 4}, "bad_packet", 4),
        ({"type": 5, "seq": 4}, "bad_packet", 4),
        ({"type": "fly", "seq": 4}, "unknown_type", 4),
        ({"type": "Say", "seq": 4, "text": "x"}, "unknown_type", 4),
        ({"type": "say", "seq": 4}, "bad_field", 4),
        ({"type": "say", "seq": 4, "text": 5}, "bad_field", 4),
        ({"type": "say", "seq": 4, "text": ""}, "bad_field", 4),
        ({"type": "say", "seq": 4, "text": "x" * 301}, "bad_field", 4),
        ({"type": "say", "seq": 4, "text": "x", "more": 1}, "bad_field", 4),
        ({"type": "move", "seq": 4, "dir": "up"}, "bad_field", 4),
        ({"type": "say", "seq": "4", "text": "x"}, "bad_field", 0),
        ({"type": "say", "seq": -1, "text": "x"}, "bad_field", 0),
        ({"type": "say", "seq": 0, "text": 5}, "bad_field", 0),
        ({"type": "say", "seq": True, "text": "x"}, "bad_field", 0),
        ({"type": "say", "seq": 1.5, "text": "x"}, "bad_field", 0),
        ({"type": "say", "seq": SEQ_MAX + 1, "text": "x"}, "bad_field", 0),
        ({"type": "ack", "seq": 4, "ids": ["x"] * 101}, "bad_field", 4),
        ({"type": "ping", "t": 2**60}, "bad_field", 0),
    ],
)
def test_what_is_wrong_is_said_with_the_number_of_the_packet(name: str, packet: Any, code: str, re: int) -> None:
    assert complaint(name, packet) == (code, re)


@both
@pytest.mark.parametrize("given_name", ["bob\n", "b", "1bob", "bob smith", "bøb", "x" * 21, "", "bob\x00"])
def test_a_name_is_letters_and_digits_and_nothing_else(name: str, given_name: str) -> None:
    assert complaint(name, {"type": "whisper", "to": given_name, "text": "x", "seq": 1}) == ("bad_field", 1)


# Where msgspec would say "Expected `str` matching regex ...", the declaration's own words are said.

WRONG = [None, True, 0, -(2**60), 2**60, 1.5, "", "\x00", "x" * 2_000, ["\x00"], ["x"] * 101, {}]
FIELDS = [(kind, field) for kind, cls in client_packets().items() for field in cls.__struct_fields__]


def misfits(hint: Any) -> list[Any]:
    return [value for value in WRONG if not fits(value, hint)]


def fits(value: Any, hint: Any) -> bool:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(("kind", "field"), FIELDS)
@both
@settings(max_examples=3)
@given(data=st.data())
def test_a_wrong_field_is_told_in_the_words_of_its_declaration(
    name: str, kind: str, field: str, data: st.DataObject
) -> None:
    hint = hints(client_packets()[kind])[field]
    good = msgspec.to_builtins(data.draw(samples.event(client_packets()[kind])))
    assert misfits(hint)
    for value in misfits(hint):
        fault = fault_of(name, ENCODERS[name]({**good, "type": kind, field: value}))
        assert fault.message == f"{field}: {type_of(hint)}."
        assert not re.search(r"\\Z|\^\[|regex|Expected|Annotated|typing|<class|\$", fault.message)


@pytest.mark.parametrize(("packet", "said"), [
    ({"type": "whisper", "to": "b", "text": "x"}, "to: 2 to 20 letters, digits, - or _; a letter first."),
    ({"type": "whisper", "text": "x"}, "to is missing: 2 to 20 letters, digits, - or _; a letter first."),
    ({"type": "move", "dir": "up"}, "dir: `n` / `e` / `s` / `w` / `ne` / `nw` / `se` / `sw`."),
    ({"type": "look", "far": 1}, "look has no field 'far'."),
    ({"type": "look", "f" * 2_000: 1}, f"look has no field '{'f' * 40}'."),
    ({"type": "hello", "protocol": "1"}, "protocol: integer."),
])  # fmt: skip
@both
def test_what_is_missing_unknown_or_wrong_is_one_sentence(name: str, packet: Any, said: str) -> None:
    assert fault_of(name, ENCODERS[name](packet)).message == said


@both
def test_a_channel_has_no_line_end_in_its_name(name: str) -> None:
    assert complaint(name, {"type": "join", "channel": "trade\n", "seq": 1}) == ("bad_field", 1)


@both
def test_text_keeps_its_unicode(name: str) -> None:
    event = Say(text="grüße, 世界 👩‍👩‍👧")
    assert decoded(name, event) == event


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("json", b""),
        ("json", b"{"),
        ("json", b"nonsense"),
        ("json", b'{"type":"say","text":"x"} {}'),
        ("json", b'{"type":"say","text":"\xff"}'),
        ("json", b'{"type":"\xff"}'),
        ("json", b'{"type":"say","text":"\\ud800"}'),
        ("json", b'{"type":"say","text":"x","seq":' + b"9" * 5_000 + b"}"),
        ("json", b'{"type":"say","text":"x","seq":1e999}'),
        ("json", b"[" * 100_000),
        ("json", b'{"type":"say","text":' + b"[" * 100_000),
        ("json", b'{"type":"say","seq":4,"text":' + b"[" * 9 + b"]" * 9 + b"}"),
        ("msgpack", b""),
        ("msgpack", b"\xc1"),
        ("msgpack", b"\x82\xa4type"),
        ("msgpack", b"\x82\xa4type\xa3say\xa4text\xa1\xff"),
        ("msgpack", b"\x81\xa4type\xa1\xff"),
        ("msgpack", b"\x81\x80\x01"),
        ("msgpack", b"\xd7\xff" + b"\xff" * 8),
        ("msgpack", b"\x91" * 100_000),
        ("msgpack", b"\xdf\xff\xff\xff\xff"),
        ("msgpack", msgspec.msgpack.encode({"type": "say", "text": "x"}) + b"\x00"),
    ],
)
def test_what_cannot_be_read_is_a_bad_packet(name: str, raw: bytes) -> None:
    assert fault_of(name, raw).code == "bad_packet"


def nested(name: str, levels: int) -> bytes:
    """A line of talk whose text is a list of lists, ``levels`` deep with the packet itself."""
    text: list[Any] = []
    for _ in range(levels - 2):
        text = [text]
    encode = msgspec.json.encode if name == "json" else msgspec.msgpack.encode
    return encode({"type": "say", "seq": 4, "text": text})


@both
def test_nesting_is_allowed_up_to_the_limit(name: str) -> None:
    deepest, deeper = fault_of(name, nested(name, DEPTH_MAX)), fault_of(name, nested(name, DEPTH_MAX + 1))
    assert (deepest.code, deepest.re) == ("bad_field", 4)
    assert (deeper.code, deeper.re) == ("bad_packet", 4)


def test_brackets_in_a_text_are_no_nesting() -> None:
    fault = fault_of("json", msgspec.json.encode({"type": "say", "text": "[" * 40, "more": 1}))
    assert fault.code == "bad_field"


def test_a_complaint_quotes_little_of_what_it_complains_about() -> None:
    fault = fault_of("json", msgspec.json.encode({"type": "z" * 5_000}))
    assert len(fault.message) < 100


@both
@given(raw=st.binary(max_size=80))
def test_any_bytes_are_a_packet_or_a_fault_of_a_packet(name: str, raw: bytes) -> None:
    assert verdict(name, raw) in VERDICTS


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(sorted(client_packets())) | json_like},
        optional={"seq": json_like, "text": json_like, "to": json_like, "ids": json_like, "dir": json_like},
    )
)
def test_any_map_is_a_packet_or_a_fault_of_a_packet(packet: dict[str, Any]) -> None:
    assert verdict("json", msgspec.json.encode(packet)) in VERDICTS


@both
def test_a_servers_packet_is_the_same_to_both_kinds_of_client(name: str) -> None:
    framed = CODECS[name].encode(Ok(re=3, data={"who": "ä\n"}))
    body = framed[4:] if name == "msgpack" else framed
    assert UNTYPED[name](body) == {"type": "ok", "re": 3, "data": {"who": "ä\n"}}
    assert framed.endswith(b"\n") if name == "json" else framed.startswith(b"\x00")


@pytest.mark.parametrize(("first", "codec"), [(0, "msgpack"), (ord("{"), "json"), (ord("\n"), "json")])
def test_the_first_byte_tells_the_codecs_apart(first: int, codec: str) -> None:
    assert tell_apart(first).name == codec


@given(st.integers(0, 255).filter(lambda byte: byte != 0 and byte not in b"{ \t\r\n"))
def test_any_other_first_byte_is_refused(first: int) -> None:
    with pytest.raises(WireFault, match="unknown_codec"):
        tell_apart(first)


def test_codecs_are_made_once() -> None:
    assert json_codec() is json_codec()
    assert isinstance(msgpack_codec(), Codec)
    assert Whisper.spec.name in client_packets()
