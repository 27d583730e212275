import select
import socket
import struct
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.declare.packet_parts import complete
from gameserver.modules.movement.events import Appeared, Being, Moved, Walked
from gameserver.wire.codecs import msgpack_codec
from gameserver.wire.frames import prefix
from gameserver.wire.packets import Error, Ok
from gameserver.wire.websocket import Messages, Opcode, frame
from tests.benchmarks import load
from tests.benchmarks.load import ENTRANCE_SEQ, Client, Group, Plan, Run
from tests.benchmarks.workloads import walk


@pytest.fixture
def run() -> Run:
    return Run(Plan(addresses=[("127.0.0.1", 1)], groups=[*walk(2, 1.0)]))


def _sent(run: Run, client: Client) -> int:
    """Send a packet; gives its number."""
    ours, theirs = socket.socketpair()
    client.connection = ours
    run._send(client, client.group.heads[0], 0.0)
    frame = theirs.recv(1000)
    ours.close()
    theirs.close()
    (length,) = struct.unpack(">I", frame[:4])
    assert length == len(frame) - 4
    return int(msgpack_codec().decode(frame[4:], 8).seq)


def test_frames_made_beforehand_are_packets_with_rising_numbers(run: Run) -> None:
    client = run.crews[0].clients[0]
    assert _sent(run, client) + 1 == _sent(run, client)


def test_replies_are_told_from_what_others_did_however_the_stream_is_cut(run: Run) -> None:
    client = run.crews[0].clients[0]
    seq = _sent(run, client)
    encode = msgpack_codec().frame
    moved = encode(msgspec.msgpack.encode(Moved(who="w1", x=1, y=1, v=1)))
    reply = encode(msgspec.msgpack.encode(Ok(re=seq, data=Walked(zone="z0", x=1, y=1))))
    stream = moved + reply + moved
    for cut in range(len(stream)):
        run.kinds = [0] * 256
        run.took_s[0] = -1.0
        walked = run._walk(client, stream[:cut], cut)
        rest = stream[walked:]
        run._walk(client, rest, len(rest))
        assert (run.kinds[ord("m")], run.kinds[ord("o")]) == (2, 1)
        assert run.took_s[0] > 0


def test_what_comes_late_for_an_earlier_run_is_no_reply_to_this_one(run: Run) -> None:
    client = run.crews[0].clients[0]
    seq = _sent(run, client)
    for earlier in (seq - 1, seq - 1_000_000):
        late = msgpack_codec().frame(msgspec.msgpack.encode(Ok(re=earlier, data=Walked(zone="z0", x=1, y=1))))
        assert run._walk(client, late, len(late)) == len(late)
        run._refusal(client, msgspec.msgpack.encode(Error(re=earlier, code="wall", message="")))
    assert run.took_s[0] < 0
    assert client.group.entering == 0


def test_who_is_refused_at_the_entrance_makes_room_for_another(run: Run) -> None:
    client = run.crews[0].clients[0]
    for refusal in (Error(re=ENTRANCE_SEQ, code="bad_token", message=""), Error(code="bad_packet", message="")):
        client.group.entering = 1
        run._refusal(client, msgspec.msgpack.encode(refusal))
        assert client.group.entering == 0


def test_a_refusal_is_no_answer_unless_the_workload_says_so(run: Run) -> None:
    client = run.crews[0].clients[0]
    seq = _sent(run, client)
    wall = msgspec.msgpack.encode(Error(re=seq, code="wall", message=""))
    run._refusal(client, wall)
    assert run.took_s[0] < 0
    assert run.crews[0].refused == {"wall": 1}
    client.group.group = msgspec.structs.replace(client.group.group, refusals_count=True)
    run._refusal(client, wall)
    assert run.took_s[0] > 0


def test_groups_tell_who_enters_and_how() -> None:
    crew = Run(Plan(addresses=[], groups=[Group(name="g", names=["s1"], secrets=["x"], enter="register")])).crews[0]
    hello, enter = msgpack_codec().framing(8192).feed(crew.entrance(crew.clients[0]))[0]
    assert msgpack_codec().decode(hello, 8).protocol == 1
    assert msgpack_codec().decode(enter, 8).name == "s1"


def test_of_watched_clients_it_is_known_when_they_see_each_others_moves(run: Run) -> None:
    frame = msgpack_codec().frame
    crew = run.crews[0]
    ends = []
    for client in crew.clients:
        client.connection, theirs = socket.socketpair()
        client.connection.setblocking(False)
        run.by_fd[client.connection.fileno()] = client
        run.poll.register(client.connection, select.EPOLLIN)
        ends.append(theirs)
    seqs = []
    for client, theirs in zip(crew.clients, ends, strict=True):
        you = complete(Being)(id=client.name, name=client.name, kind="player", x=0, y=1, hp=100, v=7)
        theirs.send(frame(msgspec.msgpack.encode(Appeared(being=you))))
        run._receive()
        run._send(client, crew.heads[0], 0.0)
        seqs.append(msgpack_codec().decode(theirs.recv(1000)[4:], 8).seq)
    steps = [frame(msgspec.msgpack.encode(Moved(who=name, x=1, y=1, v=8))) for name in crew.group.names]
    for theirs, seq in zip(ends, seqs, strict=True):
        reply = frame(msgspec.msgpack.encode(Ok(re=seq, data=Walked(zone="z0", x=1, y=1))))
        for part in (reply[:7], reply[7:] + steps[0], steps[1]):  # cut within a frame
            theirs.send(part)
            run._receive()
    ages = crew.sights.ages(0.0, time.perf_counter())
    assert len(ages) == 2
    assert all(0 < age_us < 10_000_000 for _, age_us in ages)
    for end in [*ends, *(client.connection for client in crew.clients)]:
        end.close()


@given(st.lists(st.binary(min_size=2, max_size=300), max_size=6), st.integers(0, 500))
def test_frames_become_messages_and_messages_frames(bodies: list[bytes], cut: int) -> None:
    frames = b"".join(map(prefix, bodies))
    read, fault = Messages(400, Opcode.BINARY).feed(load.as_messages(frames))
    assert (read, fault) == (bodies, None)
    told = b"".join(frame(Opcode.BINARY, body) for body in bodies)
    first, rest = load.from_messages(told[:cut])
    second, rest = load.from_messages(rest + told[cut:])
    assert (first + second, rest) == (frames, b"")
