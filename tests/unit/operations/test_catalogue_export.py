"""The exported catalogue is an AsyncAPI 3.0 document, and its schemas say of packets what the codecs say."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from gameserver.declare import catalogue
from gameserver.operations import catalogue_export
from gameserver.wire.codecs import client_packets, json_codec
from gameserver.wire.errors import PacketFault
from tests.unit.docs.test_protocol import lines
from tests.unit.messages import samples

# Taken as it is from npm's @asyncapi/specs 6.11.1 (schemas/3.0.0-without-$id.json; Apache License 2.0).
OFFICIAL = json.loads(gzip.decompress((Path(__file__).parent / "asyncapi-3.0.0.json.gz").read_bytes()))
DOCUMENT = json.loads(catalogue_export.text())


def validator(reference: str) -> Draft202012Validator:
    """Of a schema or a message's payload within the document."""
    return Draft202012Validator({"$ref": reference, "components": DOCUMENT["components"]})


def payload(message: str) -> Draft202012Validator:
    return validator(f"#/components/messages/{message}/payload")


def test_the_official_schema_of_asyncapi_has_nothing_against_it() -> None:
    assert [error.message for error in Draft7Validator(OFFICIAL).iter_errors(DOCUMENT)] == []


def test_the_official_schema_finds_what_is_wrong() -> None:
    wrong = json.loads(catalogue_export.text())
    wrong["operations"]["receive.say"]["action"] = "take"
    assert list(Draft7Validator(OFFICIAL).iter_errors(wrong))


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [ref for value in part.values() for ref in references(value)]
    return [ref for value in part for ref in references(value)] if isinstance(part, list) else []


def test_every_reference_leads_somewhere() -> None:
    for reference in set(references(DOCUMENT)):
        found = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            assert step in found, reference
            found = found[step]


def test_every_packet_is_a_message_with_one_operation_or_a_reply() -> None:
    messages = set(DOCUMENT["channels"]["connection"]["messages"])
    assert messages == set(DOCUMENT["components"]["messages"])
    assert messages >= {*client_packets(), *catalogue.notices(), *catalogue_export.server_packets()}
    received = {name for name in client_packets() if f"receive.{name}" in DOCUMENT["operations"]}
    assert received == set(client_packets())
    told = {ref.rpartition("/")[2] for ref in references(list(DOCUMENT["operations"].values())) if "/messages/" in ref}
    assert told == messages


def test_the_same_catalogue_gives_the_same_bytes_in_every_process() -> None:
    environ = {**os.environ, "PYTHONHASHSEED": "17"}
    done = subprocess.run(
        [sys.executable, "-m", "gameserver", "catalogue", "export"], env=environ, capture_output=True, check=True
    )
    assert done.stdout.decode() == catalogue_export.text()


@pytest.mark.parametrize("kind", sorted(client_packets()))
@settings(max_examples=15)
@given(data=st.data())
def test_a_packet_that_the_codec_takes_is_valid(kind: str, data: st.DataObject) -> None:
    packet = msgspec.json.decode(msgspec.json.encode(data.draw(samples.event(client_packets()[kind]))))
    assert [error.message for error in payload(kind).iter_errors(packet)] == []
    assert validator("#/components/schemas/PacketOfClient").is_valid(packet)


def taken(packet: Any) -> bool:
    try:
        json_codec().decode(msgspec.json.encode(packet), 8)
    except PacketFault:
        return False
    return True


WRONG = [None, True, 0, -1, 2**60, 1.5, "", "\x00", "a\n", "x" * 2_000, ["\x00"], ["x"] * 101, {}, "ada", ["x"], 1]


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, cls in client_packets().items() for field in cls.__struct_fields__]
)
@settings(max_examples=2)
@given(data=st.data())
def test_codec_and_schema_agree_on_every_field(kind: str, field: str, data: st.DataObject) -> None:
    good = msgspec.json.decode(msgspec.json.encode(data.draw(samples.event(client_packets()[kind]))))
    for value in WRONG:
        packet = {**good, field: value}
        assert payload(kind).is_valid(packet) == taken(packet), packet
    without = {key: value for key, value in good.items() if key != field}
    assert payload(kind).is_valid(without) == taken(without)
    assert not payload(kind).is_valid({**good, "unknown": 1})


def test_what_the_documented_server_sends_is_valid() -> None:
    """The session of docs/protocol.md, line by line."""
    server = validator("#/components/schemas/PacketOfServer")
    for line in lines("S"):
        packet = json.loads(line)
        assert [error.message for error in payload(packet["type"]).iter_errors(packet)] == []
        assert server.is_valid(packet)
    assert payload("ok.give").is_valid({"type": "ok", "re": 2, "data": {"coins": 88}})
    assert not payload("ok.give").is_valid({"type": "ok", "re": 2, "data": {"coins": "many"}})


def test_patterns_are_javascripts() -> None:
    patterns = re.findall(r'"pattern": "(.*)"', catalogue_export.text())
    assert patterns
    assert not [pattern for pattern in patterns if re.search(r"\\\\[AZz]|\(\?[P#<aimsxu]", pattern)]


def test_every_declaration_says_how_it_travels() -> None:
    assert set(DOCUMENT["x-events"]) == set(catalogue.events())
    assert set(DOCUMENT["x-notices"]) == set(catalogue.notices())
    assert DOCUMENT["x-events"]["login"]["secrets"] == ["password"]
