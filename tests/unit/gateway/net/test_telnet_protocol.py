"""A person at a terminal and a hub: the dialogue, prose with a prompt, compression, the same limits as everybody's."""

import zlib
from typing import Any

import msgspec
import pytest
from twisted.internet.testing import StringTransport

from gameserver.messages.outbound import BatchResult, SessionUpdate, Unicast
from gameserver.wire.packets import Ok
from gameserver.wire.telnet import ARE_YOU_THERE, COMPRESSION_BEGINS, Command, Option, request
from gateway.net.client_socket import ConnectionLimiter
from gateway.net.telnet_protocol import TelnetFactory
from tests.unit.gateway.fakes import Published, Stage

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


class Person:
    """Somebody at a terminal."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.transport = StringTransport()
        factory = TelnetFactory(stage.hub, ConnectionLimiter(stage.limits), introduced=False, about=dict)
        self.protocol: Any = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        self._read = 0

    def types(self, *lines: str) -> None:
        self.sends("".join(f"{line}\r\n" for line in lines).encode())

    def sends(self, data: bytes) -> None:
        self.protocol.dataReceived(data)
        self.stage.clock.advance(0)
        self.stage.clock.advance(0)

    def reads(self) -> bytes:
        """What was written since the last call."""
        self.stage.clock.advance(0.1)
        data = self.transport.value()
        new, self._read = data[self._read :], len(data)
        return new

    def enters(self) -> "Person":
        self.types("Ada", "a long secret")
        (login,) = self.stage.broker.take("login")
        follow = SessionUpdate(session=login.batch[0].conn, player="ada", watch={"view": ("zone.town",)}, then="look")
        self.answered(login, ENTERED, follow)
        self.stage.broker.take("look")
        self.reads()
        return self

    def answered(self, task: Published, data: Any = None, follow: SessionUpdate | None = None) -> None:
        (envelope,) = task.batch
        packet = msgspec.msgpack.encode(Ok(re=envelope.event.seq, data=data))
        unicast = Unicast(
            conn=envelope.conn, packet=packet, re=envelope.event.seq, lane=envelope.event.spec.lane, follow=follow
        )
        self.stage.tell(BatchResult(unicasts=[unicast], done=task.name, task=task.message.task_id))


@pytest.fixture
def person(stage: Stage) -> Person:
    return Person(stage)


def test_a_person_is_asked_who_it_is_before_it_has_said_a_word(person: Person) -> None:
    assert b"Your name" in person.reads()


def test_a_person_plays(stage: Stage, person: Person) -> None:
    person.enters()
    person.types("n")
    (move,) = stage.broker.take("move")
    person.answered(move, {"zone": "town", "x": 3, "y": 3})
    assert b"You go north: 3, 3.\r\n90/100> " in person.reads()


def test_people_and_programs_hear_the_same(stage: Stage, person: Person) -> None:
    person.enters()
    bob = stage.player("bob", watch=("zone.town",))
    person.reads()
    stage.dispatch("zone.town", type="heard", how="say", by="Bob", text="hello", at_ms=1)
    assert person.reads() == b"\r\nBob says: hello\r\n90/100> \xff\xf9"
    assert bob.heard("heard")


def test_what_is_written_is_compressed_once_that_is_agreed(stage: Stage, person: Person) -> None:
    person.enters()
    person.sends(request(Command.DO, Option.MCCP2))
    _, begins, rest = person.reads().partition(COMPRESSION_BEGINS)
    assert begins
    stage.dispatch("zone.town", type="heard", how="say", by="Bob", text="hello", at_ms=1)
    written = person.reads()
    assert b"hello" not in written
    assert b"Bob says: hello" in zlib.decompressobj().decompress(rest + written)


def test_who_types_nothing_is_told_why_it_is_hung_up_on(stage: Stage, person: Person) -> None:
    stage.clock.advance(stage.limits.login_timeout_s + 1)
    stage.hub.sweep()
    assert b"Nobody logged in here." in person.reads()
    assert person.transport.disconnecting


def test_a_person_who_does_not_read_misses_what_others_do(stage: Stage) -> None:
    stage = Stage(frame_bytes_max=64, write_buffer_soft_bytes=200, write_buffer_bytes_max=10_000)
    person = Person(stage).enters()
    person.protocol.pauseProducing()
    for n in range(50):
        stage.dispatch("zone.town", type="heard", how="say", by="Bob", text=f"line {n}", at_ms=n)
    assert person.reads() == b""
    person.protocol.resumeProducing()
    shown = person.reads()
    assert 1 < shown.count(b"Bob says") < 50
    assert shown.count(b"90/100> ") == 1


def test_no_more_people_than_there_is_room_for(stage: Stage) -> None:
    limiter = ConnectionLimiter(stage.limits)
    factory = TelnetFactory(stage.hub, limiter, introduced=True, about=dict)
    protocol = factory.buildProtocol(None)
    protocol.makeConnection(StringTransport())
    protocol.dataReceived(b"PROXY TCP4 10.7.7.7 10.9.9.9 1234 4023\r\nAda\r\n")
    assert limiter._by_address == {"10.7.7.7": 1}
    protocol.connectionLost()
    assert limiter.inside == 0
    assert stage.hub.connections == []


def test_whoever_only_reads_stays_as_long_as_the_client_answers_for_them(stage: Stage, person: Person) -> None:
    person.enters()
    for _ in range(20):
        stage.clock.advance(stage.limits.idle_s_max / 3)
        stage.hub.sweep()
        assert person.reads() == ARE_YOU_THERE
        person.sends(request(Command.WONT, Option.TIMING_MARK))
        assert person.reads() == b""  # an answer is not answered
    for _ in range(4):
        stage.clock.advance(stage.limits.idle_s_max / 3 + 1)
        stage.hub.sweep()
    assert b"Nothing was heard for too long." in person.reads()


def test_programs_are_not_asked_for_a_sign_of_life(stage: Stage) -> None:
    bob = stage.player("bob")
    stage.clock.advance(stage.limits.idle_s_max / 2)
    stage.hub.sweep()
    assert bob.heard() == []
