from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.wire.frames import Framing, Lines, Prefixed, prefix

FRAME_BYTES_MAX = 20

bodies = st.lists(st.binary(max_size=FRAME_BYTES_MAX), max_size=8)
lines = st.lists(
    st.binary(max_size=FRAME_BYTES_MAX + 3).map(lambda raw: raw.replace(b"\n", b"") + b"\n")
    | st.sampled_from([b"\n", b" \r\n", b"x" * FRAME_BYTES_MAX + b"\r\n", b" " * FRAME_BYTES_MAX + b"x\n"]),
    max_size=8,
)
cuts = st.lists(st.integers(0, 250), max_size=12)


def pieces(stream: bytes, at: list[int]) -> list[bytes]:
    """The stream cut at these places."""
    edges = [0, *sorted(min(cut, len(stream)) for cut in at), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


def fed(framing: Framing, chunks: list[bytes]) -> tuple[list[bytes], str]:
    """All frames up to the first fault, and its code."""
    frames: list[bytes] = []
    for chunk in chunks:
        whole, fault = framing.feed(chunk)
        frames += whole
        if fault is not None:
            return frames, fault.code
    return frames, ""


@given(bodies, cuts)
def test_a_prefixed_stream_gives_its_frames_however_it_is_cut(frames: list[bytes], at: list[int]) -> None:
    stream = b"".join(map(prefix, frames))
    assert fed(Prefixed(FRAME_BYTES_MAX), pieces(stream, at)) == (frames, "")


@given(bodies, cuts, st.binary(max_size=30))
def test_whole_frames_before_an_oversize_one_are_given_however_the_stream_is_cut(
    frames: list[bytes], at: list[int], more: bytes
) -> None:
    stream = b"".join(map(prefix, frames)) + prefix(b"x" * (FRAME_BYTES_MAX + 1)) + more
    assert fed(Prefixed(FRAME_BYTES_MAX), pieces(stream, at)) == (frames, "frame_too_large")


@given(lines, cuts)
def test_lines_give_the_same_frames_and_the_same_fault_however_they_are_cut(whole: list[bytes], at: list[int]) -> None:
    stream = b"".join(whole)
    at_once = fed(Lines(FRAME_BYTES_MAX), [stream])
    assert fed(Lines(FRAME_BYTES_MAX), pieces(stream, at)) == at_once


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_ends_as_terminals_end_it(end: bytes) -> None:
    whole = [b"x" * FRAME_BYTES_MAX, b"{}"]
    assert fed(Lines(FRAME_BYTES_MAX), [b"".join(line + end for line in whole)]) == (whole, "")


def test_lines_are_stripped_and_empty_ones_skipped() -> None:
    frames, fault = Lines(FRAME_BYTES_MAX).feed(b'\n  \r\n {"a":1} \r\n\n{}\n{"b"')
    assert (frames, fault) == ([b'{"a":1}', b"{}"], None)


@pytest.mark.parametrize("size", [FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1])
def test_a_frame_may_be_as_large_as_the_limit_and_no_larger(size: int) -> None:
    code = "frame_too_large" if size > FRAME_BYTES_MAX else ""
    given_ = [] if code else [b"x" * size]
    assert fed(Prefixed(FRAME_BYTES_MAX), [prefix(b"x" * size)]) == (given_, code)
    assert fed(Lines(FRAME_BYTES_MAX), [b"x" * size + b"\n"]) == (given_, code)


def test_lines_before_a_line_too_long_are_given() -> None:
    frames, code = fed(Lines(FRAME_BYTES_MAX), [b"one\ntwo\n" + b"x" * 30 + b"\nthree\n"])
    assert (frames, code) == ([b"one", b"two"], "frame_too_large")


def test_a_line_that_never_ends_is_refused_before_it_ends() -> None:
    assert fed(Lines(FRAME_BYTES_MAX), [b"x"] * (FRAME_BYTES_MAX + 1)) == ([], "frame_too_large")


def test_a_length_too_large_is_refused_before_its_frame_arrives() -> None:
    assert fed(Prefixed(FRAME_BYTES_MAX), [b"\x00", b"\xff\xff", b"\xff"]) == ([], "frame_too_large")


def test_a_frame_of_nothing_is_a_frame() -> None:
    assert fed(Prefixed(FRAME_BYTES_MAX), [prefix(b"") * 2]) == ([b"", b""], "")
