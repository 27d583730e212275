from collections import Counter
from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gameserver.broker.topology import Queues
from gameserver.declare import catalogue
from gameserver.messages.envelope import (
    ROUTES,
    Envelope,
    Multicast,
    Outbound,
    SessionUpdate,
    Unicast,
    decode_outbound,
    describe,
    encode_outbound,
    lane_key,
    read_batch,
    routing_key,
    task_body,
)
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions.events import Login, Lost
from gameserver.modules.world.events import Tick
from tests.unit.messages import samples

words = st.text(samples.characters, max_size=10)


def envelopes(event: st.SearchStrategy[Any]) -> st.SearchStrategy[Envelope]:
    return st.builds(
        Envelope,
        id=words,
        event=event,
        at_ms=st.integers(0, 2**53),
        conn=words,
        session=words,
        player=words,
        gateway=words,
        token=words,
        in_outbox=st.booleans(),
    )


@pytest.mark.parametrize("name", sorted(catalogue.events()))
@settings(max_examples=12)
@given(data=st.data())
def test_a_batch_of_any_type_survives_the_queue(name: str, data: st.DataObject) -> None:
    batch = data.draw(st.lists(envelopes(samples.event(catalogue.events()[name])), min_size=1, max_size=3))
    args, kwargs, embed = msgspec.json.decode(task_body(batch))
    assert (kwargs, embed) == ({}, None)
    assert read_batch(args[0]) == batch


@pytest.mark.parametrize(
    "raw", [None, [{}], [{"id": "1", "at_ms": 1, "event": {"type": "fly"}}], [{"id": "1", "at_ms": 1}], "x"]
)
def test_what_is_no_batch_is_refused(raw: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        read_batch(raw)


unicasts = st.builds(
    Unicast,
    conn=words,
    packet=st.binary(max_size=9),
    re=st.integers(0, 9),
    lane=words,
    id=words,
    follow=st.none()
    | st.builds(
        SessionUpdate,
        session=words,
        player=words,
        seq=st.integers(0, 9),
        watch=st.dictionaries(words, st.lists(words, max_size=2).map(tuple), max_size=2),
        then=words,
        close=words,
    ),
)
topics = st.lists(words, max_size=2).map(tuple)
multicasts = st.builds(Multicast, to=topics, packet=st.binary(max_size=9), unless=topics, id=words)


@given(
    st.builds(
        Outbound,
        unicasts=st.lists(unicasts, max_size=3),
        multicasts=st.lists(multicasts, max_size=3),
        done=words,
        task=words,
    )
)
def test_what_is_told_survives_the_way_to_gateways(outbound: Outbound) -> None:
    assert decode_outbound(encode_outbound(outbound)) == (outbound, 0)


@given(st.binary(max_size=30))
def test_what_no_process_said_is_refused_or_read(raw: bytes) -> None:
    try:
        decode_outbound(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return


@pytest.mark.parametrize("name", sorted(spec.name for spec in catalogue.specs() if spec.secrets))
@given(data=st.data())
def test_a_description_never_holds_a_secret(name: str, data: st.DataObject) -> None:
    cls = catalogue.events()[name]
    event = data.draw(samples.event(cls))
    event = msgspec.structs.replace(event, **dict.fromkeys(cls.spec.secrets, "hush-hush"))
    envelope = Envelope(id="1", event=event, at_ms=1, token="hush-hush")
    assert "hush" not in describe([envelope])


def test_a_description_says_who_does_what() -> None:
    walk = Envelope(id="1", event=Move(dir="n", seq=3), at_ms=1, player="ada")
    lost = Envelope(id="2", event=Lost(), at_ms=1, gateway="g1")
    tick = Envelope(id="3", event=Tick(n=5), at_ms=1)
    assert describe([walk, lost, tick]) == "ada move dir='n'; g1 lost; house tick n=5"


def test_a_description_of_many_is_short() -> None:
    walk = Envelope(id="1", event=Move(dir="n"), at_ms=1, player="ada")
    assert describe([walk] * 9, most=2) == "ada move dir='n'; ada move dir='n'; and 7 more"


@given(envelopes(samples.any_event()))
def test_a_description_stays_on_one_line(envelope: Envelope) -> None:
    described = describe([msgspec.structs.replace(envelope, player="ada")])
    assert described.isprintable()


def test_what_is_ordered_is_a_sessions_lane() -> None:
    one = Envelope(id="1", event=Move(dir="n"), at_ms=1, session="s1")
    assert one.key == one.order == lane_key("s1", "act") == "s1/act"
    alone = Envelope(id="2", event=Tick(n=1), at_ms=1)
    assert alone.order == "2"
    entering = Envelope(id="3", event=Login(name="ada", password="x"), at_ms=1)
    assert entering.order == "3"


@pytest.mark.parametrize("topic", ["zone.meadow/1.-2", "zone.meadow/0.0", "zone.meadow"])
def test_cells_share_the_routing_key_of_their_zone(topic: str) -> None:
    assert routing_key(topic) == f"topics.{crc32(b'meadow') % ROUTES}"


def test_however_many_zones_there_are_their_routing_keys_are_few_and_all_of_use() -> None:
    keys = Counter(routing_key(f"zone.w{n}/1.1") for n in range(100 * ROUTES))
    assert len(keys) == ROUTES
    assert max(keys.values()) < 200


def test_a_part_of_a_split_queue_speaks_under_keys_of_its_own() -> None:
    zones = [f"w{n}" for n in range(1000)]
    split = Queues(split={"movement": 4})
    parts = {
        part: {routing_key(f"zone.{z}") for z in zones if split.of(Move.spec, z) == part}
        for part in split.parts("movement")
    }
    assert sorted(key for keys in parts.values() for key in keys) == sorted({routing_key(f"zone.{z}") for z in zones})


def test_what_another_version_tells_one_connection_is_not_lost_to_the_others() -> None:
    told = Outbound(
        unicasts=[Unicast(conn="a", re=1)], multicasts=[Multicast(to=("t",), packet=b"p")], done="move", task="t1"
    )
    unicasts, multicasts, *rest = msgspec.msgpack.decode(encode_outbound(told))
    of_tomorrow = [["b", b"", "one"], ["c", b"", 2, "act", {"watch": 7}], *unicasts]
    body = msgspec.msgpack.encode([of_tomorrow, [[["t"], 7], *multicasts], *rest])
    assert decode_outbound(body) == (told, 3)


def test_more_fields_than_this_version_knows_are_passed_over() -> None:
    told = Outbound(unicasts=[Unicast(conn="a", follow=SessionUpdate(player="p"))], done="move")
    unicasts, *rest = msgspec.msgpack.decode(encode_outbound(told))
    (direct,) = unicasts
    direct[4]["mood"] = "glad"
    whole = [*direct, *[0] * 20]
    assert decode_outbound(msgspec.msgpack.encode([[whole], *rest, *[0] * 20])) == (told, 0)
