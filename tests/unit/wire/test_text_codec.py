"""People at terminals: a dialogue lets them in, lines become events, packets become prose with one prompt behind it."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.declare.base import Event
from gameserver.limits import Limits
from gameserver.wire.packets import PROTOCOL, Error, Ok, Welcome
from gameserver.wire.server import UNTOLD_MAX, ServerConnection
from gameserver.wire.states import State
from gameserver.wire.telnet import NOTHING, Command, Option, escaped, request, subnegotiation
from gameserver.wire.terminal import Terminal, columns, erased
from gameserver.wire.text_codec import TextCodec

LIMITS = Limits(packets_per_s=10.0, packets_burst=20)
GREETING = Welcome(
    protocol=PROTOCOL,
    catalogue="cafe",
    gateway="g1",
    frame_bytes_max=8_192,
    lane_waiting_max=32,
    packets_per_s=10.0,
    idle_s_max=300.0,
)
ENTERED = {
    "player": "ada",
    "name": "Ada",
    "session": "s1",
    "zone": "town",
    "x": 3,
    "y": 4,
    "hp": 90,
    "hp_max": 100,
    "xp": 0,
}
TELNET = re.compile(rb"\xff[\xfb-\xfe].|\xff\xfa.*?\xff\xf0|\xff[\xf9\xef\xf1]", re.DOTALL)
HIDES, SHOWS = request(Command.WILL, Option.ECHO), request(Command.WONT, Option.ECHO)


class Screen:
    """A client at a terminal, and the server's side of its connection."""

    def __init__(self) -> None:
        self.codec = TextCodec(lambda: {"NAME": "Test"})
        self.server = ServerConnection(LIMITS, GREETING, self.codec)
        self.server.greet()
        self.now_s = 50.0
        self.raw = b""

    def type(self, *lines: str | bytes) -> list[Event]:
        """Type lines; gives the events that they became."""
        self.now_s += 60.0
        data = b"".join((line if isinstance(line, bytes) else line.encode()) + b"\r\n" for line in lines)
        return self.server.receive(data, self.now_s)

    def send(self, data: bytes) -> list[Event]:
        return self.server.receive(data, self.now_s)

    def tell(self, **packet: Any) -> None:
        """A packet that a process has encoded."""
        self.server._out.append(self.codec.frame(msgspec.msgpack.encode(packet)))

    def answer(self, event: Event, data: Any = None) -> None:
        packet = {"type": "ok", "re": event.seq} | ({"data": data} if data else {})
        self.tell(**packet)

    def bytes(self) -> bytes:
        """What was written since the last call, in one write."""
        data = self.server.data_to_send()
        self.raw = self.codec.outgoing(data) if data else b""
        return self.raw

    def reads(self) -> str:
        """The same, as a person reads it."""
        return TELNET.sub(b"", self.bytes()).decode("utf-8")

    def enter(self) -> "Screen":
        """Get into the world."""
        self.type("Ada")
        (login,) = self.type("a long secret")
        self.server.entered("s1", "t1", resumed=False, seq=0)
        self.answer(login, ENTERED)
        self.bytes()
        return self


@pytest.fixture
def screen() -> Screen:
    return Screen().enter()


def test_a_person_is_asked_for_name_and_password_and_let_in() -> None:
    screen = Screen()
    assert screen.reads() == "Millbrook\r\n\r\nYour name (or new, to make a player): "
    assert screen.type("Ada") == []
    assert HIDES in screen.bytes()
    assert b"Your password: " in screen.raw
    (login,) = screen.type("a long secret")
    assert (login.spec.name, login.name, login.password, login.seq) == ("login", "Ada", "a long secret", 1)  # type: ignore[attr-defined]
    assert screen.server.state is State.ENTERING
    assert screen.bytes() == b"\r\n" + NOTHING + SHOWS
    screen.server.entered("s1", "t1", resumed=False, seq=0)
    screen.answer(login, ENTERED)
    assert screen.reads() == "You are Ada again. Type help to learn what you can do, quit to leave.\r\n90/100> "


def test_a_new_player_is_made_with_the_password_typed_twice() -> None:
    screen = Screen()
    screen.type("new", "Cora", "a long secret", "another one")
    assert "two different passwords" in screen.reads()
    (register,) = screen.type("a long secret", "a long secret")
    assert (register.spec.name, register.name) == ("register", "Cora")  # type: ignore[attr-defined]


@pytest.mark.parametrize("lines", [("Ada", ""), ("new", "Cora", "")])
def test_who_types_no_password_is_told_so_and_asked_for_the_name_again(lines: tuple[str, ...]) -> None:
    screen = Screen()
    assert screen.type(*lines) == []
    assert screen.reads().endswith("Nobody enters without a password.\r\nYour name (or new, to make a player): ")


def test_a_lost_session_is_taken_up_with_its_code_and_goes_on_above_all_numbers_that_it_may_have_used() -> None:
    before = Screen().enter()
    before.type("resume")
    code = re.search(r"resume (\S+)\r\n", before.reads())
    assert code
    screen = Screen()
    assert screen.type("resume") == []  # that is a name, too
    screen.type("wrong")
    screen.server.refused()
    screen.tell(type="error", re=1, code="bad_login", message="Name or password is wrong.")
    (resume,) = screen.type(f"Resume {code[1]}")
    assert (resume.spec.name, resume.token, resume.seq) == ("resume", "t1", 2)  # type: ignore[attr-defined]
    assert screen.server.state is State.ENTERING
    screen.bytes()
    screen.server.entered("s1", "t2", resumed=True, seq=70)
    screen.answer(resume, ENTERED | {"seq": 70})
    told = screen.reads()
    assert "You are Ada again." in told
    assert "resume t2" in told
    (step,) = screen.type("n")
    assert step.seq == 70 + UNTOLD_MAX + 1
    assert screen.server.sent_before_to < step.seq  # so it may be refused with busy
    assert "t1" not in repr(screen.codec._asked)


def test_a_session_that_is_over_is_not_taken_up_and_the_name_is_asked_again() -> None:
    screen = Screen()
    (resume,) = screen.type("resume t0")
    screen.bytes()
    screen.server.refused()
    screen.tell(type="error", re=resume.seq, code="bad_token", message="The session is over.")
    assert screen.reads() == "The session is over.\r\nYour name (or new, to make a player): "


@pytest.mark.parametrize("name", ["x", "a b c", "é", "1st"])
def test_a_name_that_nobody_can_have_is_asked_again_with_the_reason(name: str) -> None:
    screen = Screen()
    assert screen.type(name, "a long secret") == []
    assert "2 to 20 letters" in screen.reads()
    assert screen.server.state is State.GREETED


def test_who_is_not_let_in_is_told_why_and_asked_again() -> None:
    screen = Screen()
    screen.type("Ada")
    (login,) = screen.type("wrong password")
    screen.bytes()
    screen.server.refused()
    screen.tell(type="error", re=login.seq, code="bad_login", message="Name or password is wrong.")
    assert screen.reads() == "Name or password is wrong.\r\nYour name (or new, to make a player): "
    screen.type("Ada")
    (again,) = screen.type("the right one")
    assert again.seq == login.seq + 1


def test_a_password_stays_nowhere_once_it_was_sent() -> None:
    screen = Screen()
    screen.type("Ada")
    screen.type("a long secret")
    assert "a long secret" not in repr(screen.codec.__dict__) + repr(screen.codec._dialogue.__dict__)


def test_what_is_typed_while_one_waits_to_be_let_in_changes_nothing() -> None:
    screen = Screen()
    screen.type("Ada")
    (login,) = screen.type("a long secret")
    screen.bytes()
    assert screen.type("north") == []
    screen.server.send(Error(code="flooding", message="Too much."))
    assert "One moment." in screen.reads()
    screen.server.entered("s1", "t1", resumed=False, seq=0)
    screen.answer(login, ENTERED)
    assert "You are Ada again." in screen.reads()


def test_lines_are_events_with_numbers_and_are_answered_in_words(screen: Screen) -> None:
    step, talk = screen.type("n", "'hello")
    assert [(e.spec.name, e.seq) for e in (step, talk)] == [("move", 2), ("say", 3)]
    screen.answer(step, {"zone": "town", "x": 3, "y": 3})
    screen.answer(talk)
    screen.tell(type="heard", how="say", by="Ada", text="hello", at_ms=1)
    assert screen.reads() == "You go north: 3, 3.\r\nYou say: hello\r\n90/100> "


def test_what_is_refused_is_told_as_the_server_says_it(screen: Screen) -> None:
    (step,) = screen.type("n")
    screen.server.send(Error(re=step.seq, code="wall", message="There is no way."))
    assert screen.reads() == "There is no way.\r\n90/100> "


def test_one_prompt_stands_behind_all_that_is_written_at_a_time(screen: Screen) -> None:
    for text in ("one", "two"):
        screen.tell(type="heard", how="say", by="Bob", text=text, at_ms=1)
    assert screen.reads() == "\r\nBob says: one\r\nBob says: two\r\n90/100> "
    screen.type("")
    assert screen.reads() == "90/100> "
    screen.tell(type="moved", who="bob", x=1, y=1, v=1)
    assert screen.bytes() == b""


def test_what_must_not_be_missed_is_acknowledged_with_what_is_typed_next(screen: Screen) -> None:
    screen.tell(type="heard", how="whisper", by="Bob", text="psst", at_ms=1, id="n1")
    assert "whispers to you: psst" in screen.reads()
    said, ack = screen.type("'what?")
    assert (said.spec.name, ack.spec.name, ack.ids) == ("say", "ack", ["n1"])  # type: ignore[attr-defined]
    screen.server.send(Error(re=ack.seq, code="busy", message="Try again."))
    assert screen.bytes() == b""
    _, again = screen.type("'hm")
    assert again.ids == ["n1"]  # type: ignore[attr-defined]
    screen.answer(again)
    assert screen.bytes() == b""
    assert len(screen.type("'ok")) == 1


def test_nothing_goes_along_with_leaving(screen: Screen) -> None:
    screen.tell(type="heard", how="whisper", by="Bob", text="psst", at_ms=1, id="n1")
    assert [event.spec.name for event in screen.type("quit")] == ["logout"]


def test_a_person_who_floods_is_told_so_and_then_cut_off(screen: Screen) -> None:
    events = screen.server.receive(b"n\r\n" * 50, screen.now_s)
    assert len(events) < 50
    assert "packets a second" in screen.reads()
    screen.server.receive(request(Command.DO, 3) * 2_000, screen.now_s)
    assert screen.server.goodbye == "flooding"


def test_negotiating_counts_as_packets_do() -> None:
    screen = Screen()
    screen.bytes()
    screen.send(request(Command.DO, 3) * 200)
    assert screen.bytes().count(request(Command.WONT, 3)) <= LIMITS.packets_burst


def test_colours_are_for_terminals_that_show_them(screen: Screen) -> None:
    screen.tell(type="heard", how="say", by="Bob", text="hi", at_ms=1)
    assert "\x1b" not in screen.reads()
    screen.send(request(Command.WILL, Option.TTYPE))
    screen.send(subnegotiation(Option.TTYPE, b"\x00xterm-256color"))
    screen.tell(type="heard", how="say", by="Bob", text="hi", at_ms=1)
    assert "\x1b[36mBob\x1b[0m says" in screen.reads()
    screen.type("colour off")
    screen.bytes()
    screen.tell(type="heard", how="say", by="Bob", text="hi", at_ms=1)
    assert "\x1b" not in screen.reads()


def test_nobody_paints_another_s_terminal(screen: Screen) -> None:
    screen.tell(type="heard", how="say", by="Bob", text="\x1b[31mred\x07\x9b\x0ea\r\x00", at_ms=1)
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", screen.reads().replace("\r\n", ""))


def test_latin_1_is_understood_and_spoken_to_who_speaks_it(screen: Screen) -> None:
    (said,) = screen.type("'grüße".encode("latin-1"))
    assert said.text == "grüße"  # type: ignore[attr-defined]
    screen.tell(type="heard", how="say", by="Bob", text="ÿ grüße €", at_ms=1)
    assert "ÿ grüße ?".encode("latin-1").replace(b"\xff", b"\xff\xff") in screen.bytes()


@pytest.mark.parametrize(
    ("told", "typed", "read"),
    [
        (b"\x02UTF-8", b"gr\xfc\xdfe", "gr\ufffd\ufffde"),  # damaged, and no sign of Latin-1
        (b"\x02iso-8859-1", "grüße".encode("latin-1"), "grüße"),
        (b"\x02KOI8-R", "grüße".encode("latin-1"), "grüße"),  # which was not offered: as if nothing was agreed
        (b"\x03", "grüße".encode("latin-1"), "grüße"),
        (b"\x01;KOI8-R;utf-8", b"gr\xfc\xdfe", "gr\ufffd\ufffde"),
    ],
)
def test_an_encoding_that_was_agreed_stays(screen: Screen, told: bytes, typed: bytes, read: str) -> None:
    screen.send(request(Command.DO, Option.CHARSET))
    assert subnegotiation(Option.CHARSET, b"\x01;UTF-8;ISO-8859-1") in screen.bytes()
    screen.send(subnegotiation(Option.CHARSET, told))
    (said,) = screen.type(b"'" + typed)
    assert said.text == read  # type: ignore[attr-defined]
    (said,) = screen.type("'grüße".encode("utf-8" if "\ufffd" in read else "latin-1"))
    assert said.text == "grüße"  # type: ignore[attr-defined]


def test_a_terminal_that_tells_of_utf_8_is_not_taken_for_latin_1(screen: Screen) -> None:
    types = (b"\x00MUDLET", b"\x00XTERM", b"\x00MTTS 13")
    screen.send(request(Command.WILL, Option.TTYPE) + b"".join(subnegotiation(Option.TTYPE, one) for one in types))
    (damaged,) = screen.type(b"'gr\xfc")
    (whole,) = screen.type("'grüße")
    assert (damaged.text, whole.text) == ("gr\ufffd", "grüße")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [(b"\x01 ascii utf-8", b"\x02UTF-8"), (b"\x01;KOI8-R", b"\x03"), (b"\x01", b"\x03"), (b"\x09", None), (b"", None)],
)
def test_a_client_may_ask_for_an_encoding_itself(screen: Screen, asked: bytes, answer: bytes | None) -> None:
    screen.send(request(Command.DO, Option.CHARSET))
    screen.bytes()
    screen.send(subnegotiation(Option.CHARSET, asked))
    assert screen.bytes() == (b"" if answer is None else subnegotiation(Option.CHARSET, answer))


def test_lines_fit_the_window(screen: Screen) -> None:
    screen.send(request(Command.WILL, Option.NAWS) + subnegotiation(Option.NAWS, b"\x00\x28\x00\x18"))
    screen.tell(type="heard", how="say", by="Bob", text="word " * 40, at_ms=1)
    assert all(len(line) <= 40 for line in screen.reads().split("\r\n"))


def test_programs_are_told_what_they_want_in_gmcp(screen: Screen) -> None:
    screen.send(request(Command.DO, Option.GMCP))
    screen.send(subnegotiation(Option.GMCP, b'Core.Supports.Set ["Comm.Channel 1", "Char 1"]'))
    screen.tell(type="heard", how="say", by="Bob", text="hi", at_ms=1)
    told = subnegotiation(Option.GMCP, b'Comm.Channel.Text {"channel":"say","talker":"Bob","text":"hi"}')
    assert told in screen.bytes()
    screen.send(subnegotiation(Option.GMCP, b"Core.Ping"))
    assert screen.bytes() == subnegotiation(Option.GMCP, b"Core.Ping")
    screen.send(subnegotiation(Option.GMCP, b"Core.Supports.Set [[") + subnegotiation(Option.GMCP, b"\xff\x00"))


def test_prompts_are_marked_for_programs(screen: Screen) -> None:
    screen.type("")
    assert screen.bytes().endswith(bytes((255, Command.GA)))
    screen.send(request(Command.DO, Option.EOR))
    screen.type("")
    assert screen.bytes().endswith(bytes((255, Command.EOR)))


def test_what_a_newer_version_tells_is_passed_over(screen: Screen) -> None:
    screen.tell(type="sparkled", who="bob")
    assert screen.bytes() == b""


def test_a_goodbye_is_the_last_word(screen: Screen) -> None:
    screen.server.close("going_away", "This gateway is going away.")
    assert "This gateway is going away." in screen.reads()


@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([b"Ada\r\n", b"a long secret\r\n", b"\xff\xfd\x56"]), max_size=20)
)
def test_whatever_is_sent_is_taken_or_refused(chunks: list[bytes]) -> None:
    screen = Screen()
    for chunk in chunks:
        screen.now_s += 1.0
        for event in screen.send(chunk):
            screen.server.send(Ok(re=event.seq))
        screen.codec.outgoing(screen.server.data_to_send())


@given(st.text(max_size=300), st.integers(20, 60))
def test_prose_is_wrapped_and_nothing_of_it_is_lost(text: str, width: int) -> None:
    terminal = Terminal()
    terminal.resize(width)
    shown = terminal.show(text.replace("\n", " ")).decode("utf-8", "surrogateescape") if text.isprintable() else ""
    lines = shown.split("\r\n")
    assert all(columns(line) <= width or " " not in line for line in lines)
    assert not shown or "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_backspace_takes_back_what_was_typed() -> None:
    assert erased("helpp\x08") == "help"
    assert erased("\x7f\x7fab\x08") == "a"


def test_bytes_that_mean_telnet_are_doubled_in_text() -> None:
    assert escaped(b"\xff") == b"\xff\xff"


def test_programs_no_longer_hear_what_they_no_longer_want(screen: Screen) -> None:
    screen.send(request(Command.DO, Option.GMCP))
    screen.send(subnegotiation(Option.GMCP, b'Core.Supports.Set ["Comm.Channel 1", "Char 1"]'))
    screen.send(subnegotiation(Option.GMCP, b'Core.Supports.Remove ["Comm.Channel"]'))
    screen.tell(type="heard", how="say", by="Bob", text="hi", at_ms=1)
    assert b"Comm.Channel.Text" not in screen.bytes()
