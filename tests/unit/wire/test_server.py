from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.declare.base import SEQ_MAX, Event, event
from gameserver.declare.session_events import SESSION_LANE, Entrance, Leaving, Resumption
from gameserver.limits import Limits
from gameserver.wire import server
from gameserver.wire.client import ClientConnection
from gameserver.wire.codecs import Codec, json_codec
from gameserver.wire.frames import Lines
from gameserver.wire.packets import PROTOCOL, Hello, Welcome
from gameserver.wire.server import FLOOD_FACTOR, UNTOLD_MAX, ServerConnection
from gameserver.wire.states import State

CODECS = ("json", "msgpack")
LIMITS = Limits(frame_bytes_max=500, packets_per_s=10.0, packets_burst=20)
GREETING = Welcome(
    protocol=PROTOCOL,
    catalogue="cafe",
    gateway="g1",
    frame_bytes_max=500,
    lane_waiting_max=32,
    packets_per_s=10.0,
    idle_s_max=300.0,
)
HELLO = {"type": "hello", "protocol": PROTOCOL}
LOGIN = {"type": "login", "name": "ada", "password": "long enough", "seq": 1}


@event(lane=SESSION_LANE, numbered=False)
class Knock(Entrance):
    """Enter without a password."""


@event(lane=SESSION_LANE, numbered=False)
class Return(Resumption):
    """Come back."""


@event(lane=SESSION_LANE, numbered=False)
class GoHome(Leaving):
    """Leave."""


both = pytest.mark.parametrize("codec", CODECS)


class Pair:
    """A connection and its client's mirror; packets in, events and answers out. Time stands unless it is moved."""

    def __init__(self, codec: Any = "json") -> None:
        self.server = ServerConnection(LIMITS, GREETING)
        self.client = ClientConnection(codec)
        self.now_s = 50.0

    def send(self, *packets: dict[str, Any]) -> list[Event]:
        return self.server.receive(b"".join(map(self.client.encode, packets)), self.now_s)

    def answers(self) -> list[dict[str, Any]]:
        heard = self.client.receive(self.server.data_to_send())
        assert self.client.fault is None
        return heard

    def codes(self) -> list[tuple[str, str, int]]:
        """Of all errors and farewells since the last call: type, code and number."""
        return [(a["type"], a["code"], a.get("re", 0)) for a in self.answers() if "code" in a]

    def enter(self, *, seq: int = 0, resumed: bool = False) -> "Pair":
        """Get to where events are allowed."""
        self.send(HELLO, {"type": "resume", "token": "t0", "seq": 1} if resumed else LOGIN)
        self.server.entered("s1", "t1", resumed=resumed, seq=seq)
        self.answers()
        return self


def say(**more: Any) -> dict[str, Any]:
    return {"type": "say", "text": "hi", **more}


@both
def test_a_whole_stay_from_hello_to_farewell(codec: str) -> None:
    pair = Pair(codec)
    assert pair.send(HELLO) == []
    (welcome,) = pair.answers()
    assert (welcome["type"], welcome["catalogue"], welcome["gateway"]) == ("welcome", "cafe", "g1")
    (login,) = pair.send(LOGIN)
    assert (login.spec.name, login.seq, pair.server.state) == ("login", 1, State.ENTERING)
    pair.server.entered("s1", "secret", resumed=False, seq=0)
    assert pair.answers() == [{"type": "token", "token": "secret", "session": "s1"}]
    said, walked = pair.send(say(seq=2), {"type": "move", "dir": "n", "seq": 3})
    assert (said.seq, walked.seq) == (2, 3)
    (logout,) = pair.send({"type": "logout", "seq": 4})
    assert (logout.spec.name, pair.server.state) == ("logout", State.LEAVING)
    assert pair.send(say(seq=5)) == []
    assert pair.codes() == [("error", "leaving", 5)]
    pair.server.close("logged_out", "Goodbye.")
    assert pair.answers() == [{"type": "bye", "code": "logged_out", "message": "Goodbye."}]
    assert pair.server.closed


@both
def test_a_refused_login_may_be_tried_again(codec: str) -> None:
    pair = Pair(codec)
    pair.send(HELLO, LOGIN)
    pair.server.refused()
    assert pair.server.state is State.GREETED
    assert [event.seq for event in pair.send({**LOGIN, "seq": 2})] == [2]


def test_a_refused_logout_leaves_the_player_in_the_world() -> None:
    pair = Pair().enter()
    pair.send({"type": "logout", "seq": 2})
    pair.server.refused()
    assert [event.seq for event in pair.send(say(seq=3))] == [3]


@pytest.mark.parametrize("state", [State.NEW, State.GREETED, State.PLAYING, State.CLOSED])
def test_a_refusal_of_nothing_changes_nothing(state: State) -> None:
    server = ServerConnection(LIMITS, GREETING)
    server.state = state
    server.refused()
    assert server.state is state


@pytest.mark.parametrize(
    ("before", "code"), [([], "not_greeted"), ([HELLO], "not_logged_in"), ([HELLO, LOGIN], "entering")]
)
def test_no_event_passes_before_the_game_let_it_in(before: list[Any], code: str) -> None:
    pair = Pair()
    pair.send(*before)
    pair.answers()
    assert pair.send(say(seq=5), {"type": "logout", "seq": 6}) == []
    assert pair.codes() == [("error", code, 5), ("error", code, 6)]


def test_nobody_enters_before_hello_nor_twice() -> None:
    pair = Pair()
    assert pair.send(LOGIN) == []
    assert pair.codes() == [("error", "not_greeted", 1)]
    pair.enter()
    assert pair.send({**LOGIN, "seq": 7}, HELLO) == []
    assert pair.codes() == [("error", "already_playing", 7), ("error", "already_playing", 0)]


def test_a_game_enters_and_leaves_by_events_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = msgspec.json.Decoder(Hello | Knock | Return | GoHome).decode
    own = Codec("json", Lines, typed, msgspec.json.decode, json_codec().frame)
    monkeypatch.setattr(server, "tell_apart", lambda _: own)
    pair = Pair()
    (knock,) = pair.send(HELLO, {"type": "knock", "seq": 1})
    assert (type(knock), pair.server.state) == (Knock, State.ENTERING)
    pair.server.entered("s1", "t1", resumed=False, seq=0)
    pair.send({"type": "gohome"})
    assert pair.server.state is State.LEAVING
    again = Pair()
    (back,) = again.send(HELLO, {"type": "return", "token": "t1", "sent": 9, "seq": 1})
    assert isinstance(back, Return)
    again.server.entered("s1", "t2", resumed=True, seq=0)
    assert (back.sent, again.server.sent_before_to) == (SEQ_MAX, 9)  # told to this connection alone


@both
def test_ping_is_answered_in_every_state_but_the_last(codec: str) -> None:
    pair = Pair(codec)
    assert pair.send({"type": "ping", "t": 42}) == []
    assert pair.answers() == [{"type": "pong", "t": 42}]
    pair.enter().send({"type": "ping"})
    assert pair.answers() == [{"type": "pong"}]


# Numbers.


def test_an_event_without_a_number_gets_the_next_one() -> None:
    pair = Pair().enter()
    events = pair.send(say(), say(seq=10), say(), say())
    assert [event.seq for event in events] == [2, 10, 11, 12]


def test_a_login_without_a_number_is_numbered_too() -> None:
    pair = Pair()
    (login,) = pair.send(HELLO, {k: v for k, v in LOGIN.items() if k != "seq"})
    assert login.seq == 1


def test_numbers_rise() -> None:
    pair = Pair().enter()
    assert [e.seq for e in pair.send(say(seq=5), say(seq=5), say(seq=4), say(seq=6))] == [5, 6]
    assert pair.codes() == [("error", "bad_seq", 5), ("error", "bad_seq", 4)]


def test_a_refused_event_uses_no_number_up() -> None:
    pair = Pair()
    pair.send(HELLO, say(seq=9))
    assert [e.seq for e in pair.send({**LOGIN, "seq": 2})] == [2]


def test_after_a_resume_the_unanswered_may_be_sent_again_with_their_old_numbers() -> None:
    pair = Pair().enter(resumed=True, seq=40)
    events = pair.send(say(seq=38), say(seq=41))
    assert [event.seq for event in events] == [38, 41]


def test_a_resume_may_have_any_number_and_the_old_ones_are_good_all_the_same() -> None:
    pair = Pair()
    pair.send(HELLO, {"type": "resume", "token": "t0", "seq": 500})
    pair.server.entered("s1", "t1", resumed=True, seq=40)
    assert [event.seq for event in pair.send(say(seq=38), say(seq=41))] == [38, 41]


def resumed(seq: int, **sent: int) -> Pair:
    pair = Pair()
    (resume,) = pair.send(HELLO, {"type": "resume", "token": "t0", "seq": 1, **sent})
    assert "sent" not in msgspec.to_builtins(resume)  # workers of the version before would refuse it
    pair.server.entered("s1", "t1", resumed=True, seq=seq)
    return pair


def test_what_a_client_says_it_has_sent_may_be_in_the_queue_and_what_is_above_is_new() -> None:
    assert resumed(40, sent=43).server.sent_before_to == 43
    assert resumed(40, sent=0).server.sent_before_to == 40  # it was applied: whoever says otherwise has forgotten
    assert Pair().enter().server.sent_before_to == 0


@pytest.mark.parametrize("packet", [{"type": "tip", "coins": 1}, {"type": "say"}, {"type": "say", "text": "x", "y": 1}])
def test_of_what_was_sent_before_and_can_not_be_read_here_nothing_is_said(packet: dict[str, Any]) -> None:
    pair = resumed(40, sent=43)
    assert pair.send({**packet, "seq": 43}, {**packet, "seq": 44}) == []
    (doubted, refused) = pair.codes()
    assert doubted == ("error", "in_doubt", 43)
    assert refused in (("error", "unknown_type", 44), ("error", "bad_field", 44))


def test_of_a_client_that_does_not_say_everything_may_be_in_the_queue() -> None:
    assert resumed(40).server.sent_before_to == SEQ_MAX


def test_after_a_resume_who_leaves_numbers_out_goes_on_above_all_that_may_have_been_used() -> None:
    assert [event.seq for event in resumed(40, sent=43).send(say(), say())] == [44, 45]
    # A number that an event in the queue has would make the new event look as if it were that one, applied before.
    assert [event.seq for event in resumed(40).send(say(), say())] == [40 + UNTOLD_MAX + 1, 40 + UNTOLD_MAX + 2]


def test_after_a_resume_numbers_still_rise() -> None:
    pair = Pair().enter(resumed=True, seq=40)
    assert [event.seq for event in pair.send(say(seq=38), say(seq=38), say(seq=37))] == [38]
    assert pair.codes() == [("error", "bad_seq", 38), ("error", "bad_seq", 37)]


def test_the_highest_number_has_none_above_it() -> None:
    pair = Pair().enter()
    events = pair.send(say(seq=SEQ_MAX), say(), say(seq=SEQ_MAX))
    assert [event.seq for event in events] == [SEQ_MAX]
    assert [code for _, code, _ in pair.codes()] == ["bad_seq", "bad_seq"]


@given(st.lists(st.none() | st.integers(1, 15), max_size=18), st.booleans(), st.integers(0, 9))
def test_whatever_numbers_are_given_those_that_pass_rise(seqs: list[int | None], resumed: bool, applied: int) -> None:
    pair = Pair().enter(resumed=resumed, seq=applied)
    passed = [e.seq for e in pair.send(*(say() if seq is None else say(seq=seq) for seq in seqs))]
    assert passed == sorted(set(passed))
    assert len(passed) + len(pair.codes()) == len(seqs)


# Faults.


@pytest.mark.parametrize(
    ("hello", "code"), [({"protocol": 99}, "protocol_mismatch"), ({"catalogue": "beef"}, "catalogue_mismatch")]
)
@both
def test_who_speaks_another_protocol_is_told_and_sent_away(codec: str, hello: dict[str, Any], code: str) -> None:
    pair = Pair(codec)
    assert pair.send({**HELLO, **hello}, LOGIN) == []
    assert pair.codes() == [("bye", code, 0)]
    assert pair.server.closed


@pytest.mark.parametrize("catalogue", ["", "cafe"])
def test_who_knows_the_catalogue_or_does_not_care_is_welcome(catalogue: str) -> None:
    pair = Pair()
    pair.send({**HELLO, "catalogue": catalogue})
    assert [answer["type"] for answer in pair.answers()] == ["welcome"]


@pytest.mark.parametrize("stream", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"hello\n", b"\xff"])
def test_who_speaks_in_another_tongue_is_told_so_in_words(stream: bytes) -> None:
    server = ServerConnection(LIMITS, GREETING)
    assert server.receive(stream, 0.0) == []
    assert server.closed
    said = msgspec.json.decode(server.data_to_send())
    assert (said["type"], said["code"]) == ("bye", "unknown_codec")
    assert "{" in said["message"]


@both
def test_events_before_a_frame_too_large_are_given_and_then_it_is_over(codec: str) -> None:
    pair = Pair(codec).enter()
    assert [e.seq for e in pair.send(say(seq=2), say(seq=3, text="x" * 600), say(seq=4))] == [2]
    assert pair.codes() == [("bye", "frame_too_large", 0)]
    assert pair.server.closed


@both
def test_one_bad_packet_leaves_its_neighbours_alone(codec: str) -> None:
    pair = Pair(codec).enter()
    events = pair.send(say(seq=2), {"type": "fly", "seq": 3}, {"type": "say", "seq": 4}, say(seq=5))
    assert [event.seq for event in events] == [2, 5]
    assert pair.codes() == [("error", "unknown_type", 3), ("error", "bad_field", 4)]


def test_who_sends_too_much_is_refused_until_it_slows_down() -> None:
    pair = Pair().enter()
    pair.now_s += 10
    events = pair.send(*(say(seq=seq) for seq in range(2, 2 + LIMITS.packets_burst + 3)))
    assert len(events) == LIMITS.packets_burst
    assert pair.codes() == [("error", "flooding", 22), ("error", "flooding", 23), ("error", "flooding", 24)]
    pair.now_s += 1
    assert [event.seq for event in pair.send(say(seq=22))] == [22]


def test_keep_alive_and_nonsense_count_as_packets_too() -> None:
    pair = Pair().enter()
    pair.now_s += 10
    pair.send(*[{"type": "ping"}] * LIMITS.packets_burst, {"type": "ping"}, HELLO)
    assert [code for _, code, _ in pair.codes()] == ["flooding", "flooding"]


def test_who_never_slows_down_is_sent_away() -> None:
    pair = Pair().enter()
    for seq in range(2, 500):
        pair.send(say(seq=seq))
        if pair.server.closed:
            break
    codes = pair.codes()
    assert codes[-1] == ("bye", "flooding", 0)
    assert len(codes) == FLOOD_FACTOR * LIMITS.packets_burst + 2
    assert {code for _, code, _ in codes} == {"flooding"}


def test_who_sends_nonsense_without_end_is_sent_away() -> None:
    pair = Pair()
    for _ in range(3 * FLOOD_FACTOR * LIMITS.packets_burst):
        pair.now_s += 0.5 / LIMITS.packets_per_s
        pair.send({"type": "fly"})
    assert pair.codes()[-1] == ("bye", "flooding", 0)


def test_a_good_packet_now_and_then_is_forgiven_the_bad_ones() -> None:
    pair = Pair().enter()
    for n in range(3 * FLOOD_FACTOR * LIMITS.packets_burst):
        pair.now_s += 1
        pair.send({"type": "fly"} if n % 5 else {"type": "ping"})
    assert not pair.server.closed


def test_after_the_end_nothing_is_accepted_or_said() -> None:
    pair = Pair().enter()
    pair.server.close("idle_timeout", "Goodbye.")
    pair.server.close("going_away", "Goodbye.")
    assert pair.codes() == [("bye", "idle_timeout", 0)]
    assert pair.send(say(seq=9), {"type": "ping"}) == []
    assert pair.answers() == []


def test_being_let_in_after_the_end_is_harmless() -> None:
    pair = Pair()
    pair.send(HELLO, LOGIN)
    pair.server.close("login_timeout", "Too slow.")
    pair.answers()
    pair.server.entered("s1", "secret", resumed=False, seq=0)
    assert pair.server.closed
    assert pair.server.data_to_send() == b""


def test_what_is_to_be_sent_is_given_once() -> None:
    pair = Pair()
    pair.send(HELLO)
    assert pair.server.data_to_send()
    assert pair.server.data_to_send() == b""


def test_bytes_may_come_one_by_one() -> None:
    pair = Pair("msgpack")
    stream = b"".join(map(pair.client.encode, (HELLO, LOGIN)))
    events = [event for byte in stream for event in pair.server.receive(bytes([byte]), 0.0)]
    assert [event.spec.name for event in events] == ["login"]


def test_no_bytes_are_nothing() -> None:
    server = ServerConnection(LIMITS, GREETING)
    assert server.receive(b"", 0.0) == []
    assert (server.codec, server.state) == (None, State.NEW)


def test_number_0_is_as_none() -> None:
    pair = Pair().enter()
    first, second = pair.send(say(seq=0), say())
    assert (first.seq, second.seq) == (2, 3)


def test_nothing_comes_after_the_last_number() -> None:
    pair = Pair().enter()
    assert [event.seq for event in pair.send(say(seq=SEQ_MAX))] == [SEQ_MAX]
    assert pair.send(say(), {"type": "logout"}, say(seq=SEQ_MAX)) == []
    assert [(code, number) for _, code, number in pair.codes()] == [
        ("bad_seq", 0),
        ("bad_seq", 0),
        ("bad_seq", SEQ_MAX),
    ]


def test_the_numbers_answer_to_what_is_nested_too_deep() -> None:
    pair = Pair().enter()
    deep: Any = []
    for _ in range(9):
        deep = [deep]
    assert pair.send(say(seq=7, more=deep)) == []
    assert pair.codes() == [("error", "bad_packet", 7)]
