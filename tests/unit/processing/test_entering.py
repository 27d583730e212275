"""Entering and leaving, and secrets on the way."""

import msgspec
import pytest
from cryptography.fernet import Fernet
from msgspec.structs import replace

from gameserver.declare.base import Event
from gameserver.declare.session_events import GATEWAY_SILENT_MS, HEARTBEAT_MS, Lost
from gameserver.modules.movement.events import Look
from gameserver.modules.sessions.events import Login, Logout, Register, Resume
from gameserver.modules.sessions.rules import SESSION_MS
from gameserver.modules.trade.events import Give, Purse
from gameserver.security.sealing import Sealer
from tests.unit.processing.workshop import (
    ADA,
    BOB,
    PASSWORD,
    Workshop,
    beats,
    dispatched,
    entrance,
    notices,
    packet,
    reply,
    sweep,
    walk,
)


def test_who_registers_may_come_back_with_the_password_and_with_the_token(workshop: Workshop) -> None:
    registered = workshop.apply(entrance(workshop, Register(name="Ada", password=PASSWORD, seq=1), "Ada", token="#t1"))
    entered = reply(registered)["data"]
    assert (entered["player"], entered["name"], entered["session"]) == ("ada", "Ada", "n-ada")
    (direct,) = [d for d in registered.outbound.unicasts if d.re]
    assert direct.follow is not None
    assert (direct.follow.player, direct.follow.session) == ("ada", "n-ada")
    body = workshop.player("ada")
    workshop.apply(*walk(workshop, body, 2))
    workshop.apply(workshop.tell(body, Lost(), id="lost"))
    assert not workshop.player("ada").present
    resume = entrance(workshop, Resume(token="t1", seq=1), "Ada", conn="c9", token="#t2")
    back = reply(workshop.apply(resume))["data"]
    assert (back["session"], back["seq"]) == ("n-ada", 2)
    assert workshop.player("ada").conn == "c9"
    login = entrance(workshop, Login(name="ada", password=PASSWORD, seq=1), "Ada", conn="c10", token="#t3")
    taken = workshop.apply(login)
    assert reply(taken)["data"]["session"] == "c10"
    assert [d.follow.close for d in taken.outbound.unicasts if d.conn == "c9" and d.follow] == ["taken_over"]
    assert workshop.rows()["sessions"] == 1


def test_a_registration_that_comes_again_is_answered_alike(workshop: Workshop) -> None:
    register = entrance(workshop, Register(name="Ada", password=PASSWORD, seq=1), "Ada")
    first, again = workshop.apply(register), workshop.apply(register)
    assert reply(first) == reply(again)
    assert workshop.rows()["accounts"] == workshop.rows()["sessions"] == 1


def test_two_who_register_a_name_in_one_batch_are_not_both_let_in(workshop: Workshop) -> None:
    batch = [
        entrance(workshop, Register(name=name, password=PASSWORD, seq=1), name, conn=name, id=name)
        for name in ("Ada", "ADA")
    ]
    applied = workshop.apply(*batch)
    assert [packet(d).get("code") for d in applied.outbound.unicasts if d.re] == [None, "name_taken"]
    assert workshop.player("ada").name == "Ada"


def test_who_logs_out_is_gone_with_all_that_was_kept_of_the_session(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    workshop.apply(workshop.tell(ADA, Give(to="bob", coins=1, seq=1)))
    applied = workshop.apply(workshop.tell(ADA, Logout(seq=2)))
    (direct,) = [d for d in applied.outbound.unicasts if d.conn == "c-ada"]
    assert direct.follow is not None
    assert (packet(direct)["type"], direct.follow.close) == ("ok", "logged_out")
    assert workshop.rows()["outcomes"] == 0
    assert reply(workshop.apply(workshop.tell(ADA, Purse(seq=3))))["code"] == "session_over"


def test_who_looks_is_told_directly(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    applied = workshop.apply(workshop.tell(ADA, Look(seq=1)))
    (view,) = notices(applied, "c-ada")
    assert [being["id"] for being in view["beings"]] == ["bob"]


def test_the_sweep_takes_out_of_the_world_whose_gateway_died_and_forgets_sessions_in_time(workshop: Workshop) -> None:
    workshop.enter(ADA)
    beats(workshop, "g1")
    sweep(workshop)
    assert workshop.player("ada").present
    for _ in range(0, GATEWAY_SILENT_MS + 1, HEARTBEAT_MS):
        workshop.now_ms += HEARTBEAT_MS
        beats(workshop, "g2")
    workshop.now_ms += 1
    applied = sweep(workshop)
    assert not workshop.player("ada").present
    assert [told["type"] for told in dispatched(applied)] == ["vanished"]
    workshop.now_ms += SESSION_MS
    sweep(workshop)
    assert (workshop.rows()["sessions"], workshop.player("ada").session) == (0, "")


@pytest.mark.parametrize(
    "event", [Login(name="Ada", password=PASSWORD, seq=1), Resume(token="t1", seq=1)], ids=["login", "resume"]
)
def test_a_secret_that_was_sealed_with_another_key_is_the_players_to_hear_of(workshop: Workshop, event: Event) -> None:
    sealed_elsewhere = Sealer(Fernet.generate_key()).seal(event)
    applied = workshop.apply(replace(entrance(workshop, event, "Ada"), event=sealed_elsewhere))
    assert applied.held == ()
    assert reply(applied)["code"] == "bad_seal"


def test_no_password_is_kept_or_told(workshop: Workshop) -> None:
    applied = workshop.apply(entrance(workshop, Register(name="Ada", password=PASSWORD, seq=1), "Ada"))
    assert PASSWORD.encode() not in msgspec.msgpack.encode(applied.outbound)
    assert workshop.passwords.work == ["hash"]
