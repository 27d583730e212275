from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport

from gameserver.limits import Limits
from gateway.connections.outgoing import Outgoing
from gateway.net.transport import Transport

SOFT = 100
MAX = 300
LIMITS = Limits(frame_bytes_max=50, write_buffer_soft_bytes=SOFT, write_buffer_bytes_max=MAX)


def outgoing() -> Outgoing:
    return Outgoing(Transport(StringTransport()), LIMITS)


def written(it: Outgoing) -> bytes:
    return it._transport._transport.value()


def test_what_was_put_goes_out_in_one_piece_at_the_flush():
    it = outgoing()
    it.put(b"one ")
    it.put(b"")
    it.put(b"two")
    assert written(it) == b""
    it.flush()
    assert written(it) == b"one two"
    it.flush()
    assert written(it) == b"one two"


def test_who_does_not_read_is_written_to_again_when_it_reads():
    it = outgoing()
    it.pause()
    it.put(b"later")
    it.flush()
    assert written(it) == b""
    it.resume()
    assert written(it) == b"later"


def test_a_slow_reader_is_spared_what_others_do_but_not_what_matters():
    it = outgoing()
    it.pause()
    it.put_if_room(b"x" * (SOFT + 1))
    assert not it.missed_broadcasts
    it.put_if_room(b"missed")
    assert it.missed_broadcasts
    it.put(b"matters")
    it.resume()
    assert written(it) == b"x" * (SOFT + 1) + b"matters"


def test_a_reader_who_is_too_slow_even_for_what_matters_is_cut_off():
    it = outgoing()
    it.pause()
    it.put(b"x" * MAX)
    it.flush()
    assert not it._transport._transport.disconnecting
    it.put(b"x")
    it.flush()
    assert it._transport._transport.disconnecting
    assert written(it) == b""


def test_who_reads_may_be_told_a_lot_at_once():
    it = outgoing()
    it.put(b"x" * (MAX + 1))
    it.flush()
    assert len(written(it)) == MAX + 1
    assert not it._transport._transport.disconnecting


def test_closing_writes_what_waits_first_and_aborting_does_not():
    gentle, hard = outgoing(), outgoing()
    for it in (gentle, hard):
        it.put(b"farewell")
    gentle.finish("")
    hard.abort()
    assert (written(gentle), written(hard)) == (b"farewell", b"")
    assert gentle._transport._transport.disconnecting
    assert hard._transport._transport.disconnecting


def test_nothing_is_written_once_the_socket_is_closed():
    it = outgoing()
    it.put(b"late")
    it.mark_gone()
    it.flush()
    assert written(it) == b""


@given(st.lists(st.tuples(st.sampled_from(["put", "room", "flush"]), st.integers(1, 120)), max_size=60))
def test_never_more_than_the_bound_waits_for_who_does_not_read(steps):
    it = outgoing()
    it.pause()
    for what, size in steps:
        if what == "put":
            it.put(b"m" * size)
            it.flush()  # the flush window is the bound's resolution
        elif what == "room":
            it.put_if_room(b"o" * size)
        else:
            it.flush()
        assert sum(map(len, it.queued)) == it._bytes
        assert it._bytes <= MAX
        if it._transport._transport.disconnecting:
            break
