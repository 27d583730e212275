import msgspec

from gameserver.messages.envelope import Envelope, task_body
from gameserver.messages.outbound import BatchResult, Unicast, encode_outbound
from gameserver.modules.chat.events import Say
from gameserver.modules.sessions.events import Login
from gameserver.operations import tail
from gameserver.operations.tail import EventFormatter
from gameserver.wire.packets import Error, Ok


def envelope(n: int, player: str = "ada") -> Envelope:
    return Envelope(id=f"{player}:{n}", event=Say(seq=n, text="hi"), at_ms=1_000, conn=player, player=player)


def reply(n: int, packet: Ok | Error, conn: str = "ada") -> bytes:
    return encode_outbound(BatchResult(unicasts=[Unicast(conn=conn, packet=msgspec.msgpack.encode(packet), re=n)]))


def of(player: str = "") -> EventFormatter:
    return EventFormatter(player, lambda: 1_012)


def test_an_event_is_a_line_with_its_id_and_no_secret() -> None:
    login = Envelope(id="c:1", event=Login(seq=1, name="ada", password="hunter2"), at_ms=1_000, gateway="g1")
    (line,) = of().format_task(task_body([login]))
    assert line.endswith("c:1  g1 login name='ada'")
    assert "hunter2" not in line


def test_only_the_wanted_players_events_are_shown() -> None:
    body = task_body([envelope(1), envelope(1, "bob"), envelope(2)])
    assert [line.split()[1] for line in of("ada").format_task(body)] == ["ada:1", "ada:2"]
    assert len(of().format_task(body)) == 3


def test_a_reply_is_a_line_where_its_event_was_seen_and_once() -> None:
    tested = of("ada")
    tested.format_task(task_body([envelope(1), envelope(2), envelope(1, "bob")]))
    assert [line.split("  ", 1)[1] for line in tested.format_replies(reply(1, Ok(re=1)))] == [
        "ada:1  -> ok, after 12 ms"
    ]
    assert tested.format_replies(reply(1, Ok(re=1))) == []
    assert tested.format_replies(reply(1, Ok(re=1), conn="bob")) == []
    (line,) = tested.format_replies(reply(2, Error(code="no_such_player", message="No.", re=2)))
    assert line.endswith("-> no_such_player, after 12 ms")


def test_what_cannot_be_read_is_said_and_ends_nothing() -> None:
    (line,) = of().format_task(b"[]")
    assert "unreadable" in line


def test_events_without_a_reply_are_forgotten_in_the_end(monkeypatch) -> None:
    monkeypatch.setattr(tail, "KEPT_MAX", 2)
    tested = of()
    tested.format_task(task_body([envelope(1), envelope(2), envelope(3)]))
    assert tested.format_replies(reply(1, Ok(re=1))) == []
    assert len(tested.format_replies(reply(3, Ok(re=3)))) == 1
