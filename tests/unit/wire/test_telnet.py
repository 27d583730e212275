"""Telnet's bytes: lines and commands however they are cut, options agreed on once, compression from where it begins."""

import zlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.wire.telnet import (
    COMPRESSION_BEGINS,
    OURS,
    THEIRS,
    Command,
    Compression,
    Option,
    Options,
    TelnetFraming,
    escaped,
    request,
    subnegotiation,
)

MAX = 60
ABOUT = {"NAME": "Test", "PLAYERS": "2", "UPTIME": "5"}
GO_AHEAD = bytes((255, Command.GA))

text = st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b"").replace(b"\r", b"").replace(b"\x00", b""))
commands = st.one_of(
    st.builds(request, st.sampled_from([Command.WILL, Command.DO, Command.WONT, Command.DONT]), st.integers(0, 255)),
    st.builds(subnegotiation, st.integers(0, 254), st.binary(max_size=20)),
    st.just(GO_AHEAD),
)
ends = st.sampled_from([b"\n", b"\r\n", b"\r\x00"])


def fed(chunks: list[bytes]) -> tuple[list[bytes], str]:
    framing, frames = TelnetFraming(MAX), []
    for chunk in chunks:
        whole, fault = framing.feed(chunk)
        frames += whole
        if fault is not None:
            return frames, fault.code
    return frames, ""


def pieces(stream: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(stream)) for cut in at), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


@given(st.lists(st.tuples(text, commands, ends), max_size=6), st.lists(st.integers(0, 300), max_size=12))
def test_lines_and_commands_come_out_as_they_were_sent_however_they_are_cut(parts: Any, at: list[int]) -> None:
    """A command in the middle of a line does not break it."""
    stream = b"".join(escaped(line[:5]) + command + escaped(line[5:]) + end for line, command, end in parts)
    meant = [frame for line, command, _ in parts for frame in (command, escaped(line))]
    assert fed(pieces(stream, at)) == (meant, "")


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=9))
def test_whatever_comes_gives_the_same_however_it_is_cut_and_is_bounded(stream: bytes, at: list[int]) -> None:
    frames, _ = fed(pieces(stream, at))
    whole, fault = fed([stream])
    assert all(len(frame) <= MAX for frame in frames)
    if not fault:
        assert frames == whole


@pytest.mark.parametrize("endless", [b"x" * 100, b"\xff\xfa\xc9" + b"x" * 100, b"\xff\xff" * 60])
def test_what_does_not_end_is_too_large(endless: bytes) -> None:
    assert fed([endless])[1] == "frame_too_large"
    assert fed([endless[n : n + 1] for n in range(len(endless))])[1] == "frame_too_large"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n", b"\r\x00"])
def test_a_line_ends_as_terminals_end_it(end: bytes) -> None:
    assert fed([b"look" + end + b"n" + end]) == ([b"look", b"n"], "")


def test_everything_is_offered_and_asked_for_once() -> None:
    options = Options()
    begin = options.begin()
    assert begin.count(bytes((255, Command.WILL))) == len(OURS)
    assert begin.count(bytes((255, Command.DO))) == len(THEIRS)
    assert options.take(request(Command.DO, Option.EOR), ABOUT) == b""
    assert Option.EOR in options.on
    assert options.take(request(Command.DO, Option.EOR), ABOUT) == b""  # or both sides would answer for ever


@given(
    st.lists(st.tuples(st.sampled_from([Command.WILL, Command.DO, Command.WONT, Command.DONT]), st.integers(0, 255)))
)
def test_two_of_us_come_to_an_end(said: list[tuple[Command, int]]) -> None:
    """Each request is answered by one at most, and an answer by none: no two servers talk for ever (RFC 1143)."""
    one, other = Options(), Options()
    one.begin()
    waiting = [request(kind, option) for kind, option in said]
    for _ in range(6):
        waiting = [answer for frame in waiting for answer in frames_of(one.take(frame, ABOUT))]
        one, other = other, one
    assert [frame for frame in waiting if frame[1] != Command.SB] == []


def frames_of(data: bytes) -> list[bytes]:
    return fed([data])[0] if data else []


@pytest.mark.parametrize("kind", [Command.WILL, Command.DO])
def test_what_is_not_known_is_refused(kind: Command) -> None:
    no = Command.DONT if kind is Command.WILL else Command.WONT
    assert Options().take(request(kind, 3), ABOUT) == request(no, 3)
    assert Options().take(request(no, 3), ABOUT) == b""


def test_the_size_of_the_window_is_heard() -> None:
    options = Options()
    options.take(request(Command.WILL, Option.NAWS), ABOUT)
    assert options.take(subnegotiation(Option.NAWS, b"\x00\x78\x00\x28"), ABOUT) == b""
    assert options.size == (120, 40)
    options.take(subnegotiation(Option.NAWS, b"\x00"), ABOUT)
    assert options.size == (120, 40)


def test_terminals_are_asked_for_their_types_until_they_have_told_all() -> None:
    options = Options()
    asks = options.take(request(Command.WILL, Option.TTYPE), ABOUT)
    assert asks.endswith(subnegotiation(Option.TTYPE, b"\x01"))
    for name in (b"TINTIN++", b"xterm", b"MTTS 137"):
        asks = options.take(subnegotiation(Option.TTYPE, b"\x00" + name), ABOUT)
    assert asks == b""
    assert options.types == ["TINTIN++", "xterm", "MTTS 137"]
    assert options.mtts == 137


def test_a_server_list_is_told_of_the_server() -> None:
    options = Options()
    options.begin()
    told = options.take(request(Command.DO, Option.MSSP), ABOUT)
    assert told == subnegotiation(Option.MSSP, b"\x01NAME\x02Test\x01PLAYERS\x022\x01UPTIME\x025")


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.lists(st.binary(min_size=1, max_size=50), max_size=5)
)
def test_compression_begins_where_it_is_said_and_each_write_can_be_read(
    before: list[bytes], after: list[bytes]
) -> None:
    compression, inflate = Compression(), zlib.decompressobj()
    for data in before:
        assert compression.feed(escaped(data)) == escaped(data)
    written = compression.feed(b"last" + COMPRESSION_BEGINS + b"first")
    assert written.startswith(b"last" + COMPRESSION_BEGINS)
    assert inflate.decompress(written.partition(COMPRESSION_BEGINS)[2]) == b"first"
    for data in after:
        assert inflate.decompress(compression.feed(data)) == data
