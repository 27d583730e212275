import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.messages.outbound import (
    BatchResult,
    Multicast,
    Outbound,
    Query,
    SessionUpdate,
    Unicast,
    decode_outbound,
    encode_outbound,
)
from tests.unit.messages import samples

words = st.text(samples.characters, max_size=10)
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


results = st.builds(
    BatchResult,
    unicasts=st.lists(unicasts, max_size=3),
    multicasts=st.lists(multicasts, max_size=3),
    done=words,
    task=words,
)


@given(results | st.builds(Query, reply_to=words, event_id=words))
def test_a_result_and_a_question_survive_the_way_to_gateways(outbound: Outbound) -> None:
    assert decode_outbound(encode_outbound(outbound)) == (outbound, 0)


@given(st.binary(max_size=30))
def test_other_bytes_are_refused_or_read(raw: bytes) -> None:
    try:
        decode_outbound(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return


def test_what_another_version_tells_one_connection_is_not_lost_to_the_others() -> None:
    told = BatchResult(
        unicasts=[Unicast(conn="a", re=1)], multicasts=[Multicast(to=("t",), packet=b"p")], done="move", task="t1"
    )
    tag, unicasts, multicasts, *rest = msgspec.msgpack.decode(encode_outbound(told))
    of_tomorrow = [["b", b"", "one"], ["c", b"", 2, "act", {"watch": 7}], *unicasts]
    body = msgspec.msgpack.encode([tag, of_tomorrow, [[["t"], 7], *multicasts], *rest])
    assert decode_outbound(body) == (told, 3)


def test_more_fields_than_this_version_knows_are_passed_over() -> None:
    told = BatchResult(unicasts=[Unicast(conn="a", follow=SessionUpdate(player="p"))], done="move")
    tag, unicasts, *rest = msgspec.msgpack.decode(encode_outbound(told))
    (direct,) = unicasts
    direct[4]["mood"] = "glad"
    whole = [*direct, *[0] * 20]
    assert decode_outbound(msgspec.msgpack.encode([tag, [whole], *rest, *[0] * 20])) == (told, 0)


def test_a_question_of_another_version_is_read_as_far_as_it_is_known() -> None:
    asked = msgspec.msgpack.decode(encode_outbound(Query(reply_to="answers", event_id="e1")))
    assert decode_outbound(msgspec.msgpack.encode([*asked, "more"])) == (Query(reply_to="answers", event_id="e1"), 0)


@pytest.mark.parametrize("body", [["rumour", 1], ["query"], ["query", 7], ["result", 7]])
def test_a_message_of_an_unknown_kind_or_without_its_parts_is_refused(body: list[object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_outbound(msgspec.msgpack.encode(body))
