"""The client against the server's own protocol core, over real sockets: entering, replies, notices, coming back."""

import asyncio
import contextlib
import socket
from random import Random
from typing import Any

import pytest

from gameserver.client import Backoff, Client, ClientLimits, ConnectionLost, Refused
from gameserver.declare.base import SEQ_MAX
from gameserver.declare.packet_parts import complete
from gameserver.limits import Limits
from gameserver.modules.chat.events import Heard
from gameserver.modules.movement.events import Appeared, Being, Moved, View
from gameserver.wire.packets import Elsewhere, Unavailable

QUICK = Backoff(base_s=0.001, cap_s=0.002, attempts_max=50)
FAST_ACKS = ClientLimits(ack_delay_s=0.005)


def client_of(*gateways: Any, **options: Any) -> Client:
    return Client([gateway.address for gateway in gateways], **({"backoff": QUICK, "rng": Random(1)} | options))


def heard(id_: str, text: str = "hello") -> Heard:
    return Heard(id=id_, how="whisper", by="Bob", text=text, at_ms=1)


def rat(x: int, v: int) -> Being:
    return complete(Being)(id="rat", name="Rat", kind="rat", x=x, y=0, hp=12, v=v)


@pytest.mark.parametrize("codec", ["msgpack", "json"])
async def test_connecting_registering_and_walking_takes_a_few_lines(stage: Any, codec: str) -> None:
    async with stage.listening() as gateway, Client.connect("127.0.0.1", gateway.port, codec=codec) as ada:
        entered = await ada.register("ada", "a long secret")
        assert entered["zone"] == "meadow"
        assert await ada.send("move", dir="n") == {"zone": "meadow", "x": 3, "y": 3}
        assert (ada.me["id"], ada.me["x"], ada.me["y"]) == ("ada", 3, 3)
        assert ada.token == "token-1"


async def test_a_game_may_be_entered_by_an_event_of_its_own(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway) as ada:
        await ada.enter("login", name="ada", password="a long secret")
        assert await ada.send("move", dir="n") == {"zone": "meadow", "x": 3, "y": 3}
        with pytest.raises(Refused, match="already_playing"):
            await ada.enter("login", name="ada", password="a long secret")


async def test_the_handshake_says_which_catalogue_the_client_was_built_for(stage: Any) -> None:
    async with stage.listening() as gateway:
        async with client_of(gateway, catalogue="cafe") as ada:
            await ada.login("ada", "a long secret")
        with pytest.raises(ConnectionLost, match="catalogue_mismatch"):
            await client_of(gateway, catalogue="beef").open()
        assert len(gateway.connections) == 2  # it is not asked again


async def test_numbers_rise_from_the_entrance_on(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        for text in ("one", "two", "three"):
            await ada.send("say", text=text)
        assert [event.seq for event in gateway.last.events] == [1, 2, 3, 4]


async def test_who_logs_in_goes_on_above_what_was_applied(stage: Any) -> None:
    def script(connection: Any, event: Any) -> None:
        if event.spec.name == "login":
            connection.let_in(event, seq=40)
        else:
            connection.ok(event)

    async with stage.listening(script) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        await ada.send("say", text="hello")
        assert gateway.last.seqs() == [41]


async def test_a_refused_registration_leaves_the_connection_for_a_login(stage: Any) -> None:
    def script(connection: Any, event: Any) -> None:
        if event.spec.name == "register":
            connection.refuse(event, "name_taken")
        else:
            stage.friendly(connection, event)

    async with stage.listening(script) as gateway, client_of(gateway) as ada:
        with pytest.raises(Refused, match="name_taken"):
            await ada.register("ada", "a long secret")
        await ada.login("ada", "a long secret")
        await ada.send("move", dir="n")
        assert [event.seq for event in gateway.last.events] == [1, 2, 3]


async def test_nothing_can_be_sent_before_entering_nor_entered_twice(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway) as ada:
        with pytest.raises(Refused, match="not_logged_in"):
            await ada.send("move", dir="n")
        await ada.login("ada", "a long secret")
        with pytest.raises(Refused, match="already_playing"):
            await ada.login("ada", "a long secret")


async def test_replies_find_their_events_in_any_order(stage: Any) -> None:
    async with stage.listening(stage.silent) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        first, second = await ada.post("who"), await ada.post("who")
        await stage.until(lambda: len(gateway.last.named("who")) == 2)
        one, two = gateway.last.named("who")
        gateway.last.ok(two, count=2)
        gateway.last.ok(one, count=1)
        assert (await first, await second) == ({"count": 1}, {"count": 2})
        assert ada.unanswered == 0


async def test_a_refusal_is_raised_with_its_code_and_costs_nothing_else(stage: Any) -> None:
    def script(connection: Any, event: Any) -> None:
        if event.spec.name == "move":
            connection.refuse(event, "wall")
        else:
            stage.friendly(connection, event)

    async with stage.listening(script) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        with pytest.raises(Refused) as refusal:
            await ada.send("move", dir="n")
        assert (refusal.value.code, refusal.value.message) == ("wall", "This is wall.")
        assert await ada.send("say", text="ouch") == {}


async def test_an_event_that_the_catalogue_does_not_know_is_refused(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        with pytest.raises(Refused, match="unknown_type"):
            await ada.send("fly", to="moon")
        with pytest.raises(Refused, match="bad_field"):
            await ada.send("move", dir="up")


async def test_no_more_events_are_unanswered_than_the_window_allows(stage: Any) -> None:
    limits = Limits(lane_waiting_max=2)
    async with stage.listening(stage.silent, limits) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        sends = [asyncio.create_task(ada.send("say", text=str(n))) for n in range(4)]
        await stage.until(lambda: len(gateway.last.named("say")) == 2)
        assert ada.unanswered == 2
        gateway.last.ok(gateway.last.named("say")[0])
        await stage.until(lambda: len(gateway.last.named("say")) == 3)
        assert ada.unanswered == 2
        gateway.script = stage.friendly
        for say in gateway.last.named("say")[1:]:
            gateway.last.ok(say)
        await asyncio.gather(*sends)
        assert [say.text for say in gateway.last.named("say")] == ["0", "1", "2", "3"]


async def test_who_stops_waiting_keeps_the_place_in_the_window_until_the_reply(stage: Any) -> None:
    limits = ClientLimits(window=1)
    async with stage.listening(stage.silent) as gateway, client_of(gateway, limits=limits) as ada:
        await ada.login("ada", "a long secret")
        impatient = asyncio.create_task(ada.send("say", text="one"))
        await stage.until(lambda: gateway.last.named("say"))
        impatient.cancel()
        patient = asyncio.create_task(ada.send("say", text="two"))
        gateway.last.ok(gateway.last.named("say")[0])
        await stage.until(lambda: len(gateway.last.named("say")) == 2)
        gateway.last.ok(gateway.last.named("say")[1])
        assert await patient == {}


async def test_notices_come_in_order_and_change_the_world_view(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        you = complete(Being)(id="ada", name="Ada", kind="player", x=3, y=4, hp=90, v=7)
        view = View(zone="meadow", title="Meadow", width=9, height=9, you=you, beings=[rat(1, 1)])
        gateway.last.tell(view, Moved(who="rat", x=2, y=0, v=2), Unavailable(family="combat"))
        types = []
        async for notice in ada.notices():
            types.append(notice["type"])
            if len(types) == 3:
                break
        assert types == ["view", "moved", "unavailable"]
        assert ada.me["hp"] == 90
        assert ada.beings["rat"]["x"] == 2


async def test_who_does_not_read_loses_the_oldest_notices_and_can_see_how_many(stage: Any) -> None:
    limits = ClientLimits(notices_max=2)
    async with stage.listening() as gateway, client_of(gateway, limits=limits) as ada:
        await ada.login("ada", "a long secret")
        gateway.last.tell(*(Appeared(being=rat(n, n)) for n in range(1, 6)))
        await stage.until(lambda: ada.beings.get("rat", {}).get("v") == 5)
        assert ada.notices_dropped == 3
        assert (await anext(ada.notices()))["being"]["v"] == 4


async def test_notices_can_be_called_back_and_a_failing_callback_costs_nothing(stage: Any) -> None:
    calls: list[str] = []
    failures: list[Any] = []

    def on_notice(notice: dict[str, Any]) -> None:
        calls.append(notice["type"])
        raise ValueError("the caller's fault")

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context["exception"]))
    async with stage.listening() as gateway, client_of(gateway, on_notice=on_notice) as ada:
        await ada.login("ada", "a long secret")
        gateway.last.tell(Appeared(being=rat(1, 1)))
        await stage.until(lambda: calls)
        assert await ada.send("say", text="still here") == {}
    assert calls == ["appeared"]
    assert [str(failure) for failure in failures] == ["the caller's fault"]


async def test_durable_notices_are_acknowledged_together(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway, limits=FAST_ACKS) as ada:
        await ada.login("ada", "a long secret")
        gateway.last.tell(heard("a"), heard("b"))
        await stage.until(lambda: gateway.last.named("ack"))
        assert gateway.last.named("ack")[0].ids == ["a", "b"]
        assert gateway.last.named("ack")[0].seq == 2


async def test_a_double_is_dropped_and_acknowledged_again(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway, limits=FAST_ACKS) as ada:
        await ada.login("ada", "a long secret")
        gateway.last.tell(heard("a", "first"))
        await stage.until(lambda: len(gateway.last.named("ack")) == 1)
        gateway.last.tell(heard("a", "first"), heard("b", "second"))
        await stage.until(lambda: len(gateway.last.named("ack")) == 2)
        notices = ada.notices()
        assert [(await anext(notices))["text"] for _ in range(2)] == ["first", "second"]
        assert gateway.last.named("ack")[1].ids == ["a", "b"]


async def test_an_acknowledgement_needs_no_place_in_the_window(stage: Any) -> None:
    limits = ClientLimits(window=1, ack_delay_s=0.005)
    async with stage.listening(stage.silent) as gateway, client_of(gateway, limits=limits) as ada:
        await ada.login("ada", "a long secret")
        await ada.post("say", text="unanswered")
        gateway.last.tell(heard("a"))
        await stage.until(lambda: gateway.last.named("ack"))


async def test_closing_acknowledges_what_was_heard(stage: Any) -> None:
    async with stage.listening() as gateway:
        async with client_of(gateway) as ada:
            await ada.login("ada", "a long secret")
            gateway.last.tell(heard("a"))
            await anext(ada.notices())
        await stage.until(lambda: gateway.last.named("ack"))


async def test_a_lost_connection_is_resumed_and_the_unanswered_sent_again_in_order_before_anything_new(
    stage: Any,
) -> None:
    async with stage.listening(stage.silent) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        old = [await ada.post("say", text=text) for text in ("a", "b", "c")]
        await stage.until(lambda: len(gateway.last.named("say")) == 3)
        first = gateway.last
        first.ok(first.named("say")[1])
        await old[1]
        gateway.script = stage.friendly
        first.drop()
        await stage.until(lambda: ada._session.connector.connection is None)
        new = await ada.post("say", text="d")
        await asyncio.gather(*old, new)
        second = gateway.last
        assert second is not first
        assert second.events[0].spec.name == "resume"
        assert second.events[0].token == "token-1"
        assert [say.text for say in second.named("say")] == ["a", "c", "d"]
        assert second.seqs() == [2, 4, 5]
        assert ada.reconnects == 1


async def test_a_resume_says_which_numbers_were_used_so_that_new_events_are_known_for_new(stage: Any) -> None:
    async with stage.listening(stage.silent) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        replies = [await ada.post("say", text=text) for text in ("a", "b")]
        await stage.until(lambda: len(gateway.last.named("say")) == 2)
        gateway.script = stage.friendly
        gateway.last.drop()
        await asyncio.gather(*replies)
        assert gateway.last.wire.sent_before_to == 3


async def test_a_gateway_of_the_version_before_is_not_told_what_it_does_not_know(stage: Any) -> None:
    def script(connection: Any, event: Any) -> None:
        if event.spec.name == "resume" and connection.wire._sent != SEQ_MAX:
            connection.refuse(event, "bad_field")
        else:
            stage.friendly(connection, event)

    async with stage.listening(script) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        gateway.last.drop()
        await stage.until(lambda: ada.reconnects == 1)
        assert await ada.send("say", text="back") == {}


async def test_who_sent_too_much_again_resumes(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        gateway.last.bye("too_many_unanswered")
        await stage.until(lambda: ada.reconnects == 1)


async def test_a_session_is_resumed_as_often_as_needed_each_time_with_the_newest_token(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        for times in range(1, 4):
            gateway.last.drop()
            await stage.until(lambda times=times: ada.reconnects == times)
            await ada.send("say", text="back")
        tokens = [connection.events[0].token for connection in gateway.connections[1:]]
        assert tokens == ["token-1", "token-2", "token-3"]
        assert [connection.seqs() for connection in gateway.connections[1:]] == [[2], [3], [4]]


async def test_a_connection_lost_while_resuming_is_tried_again(stage: Any) -> None:
    def script(connection: Any, event: Any) -> None:
        if event.spec.name == "resume" and len(connection.gateway.connections) < 4:
            connection.drop()
        else:
            stage.friendly(connection, event)

    async with stage.listening(stage.silent) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        reply = await ada.post("say", text="a")
        await stage.until(lambda: gateway.last.named("say"))
        gateway.script = script
        gateway.last.drop()
        assert await reply == {}
        assert len(gateway.connections) == 4


async def test_a_gateway_that_goes_away_is_left_for_the_next_address(stage: Any) -> None:
    async with stage.listening(stage.silent) as one, stage.listening() as two, client_of(one, two) as ada:
        await ada.login("ada", "a long secret")
        reply = await ada.post("say", text="a")
        await stage.until(lambda: one.last.named("say"))
        one.last.bye("going_away")
        assert await reply == {}
        assert [event.spec.name for event in two.last.events] == ["resume", "say"]


async def test_who_is_told_of_another_gateway_for_its_place_resumes_there(stage: Any) -> None:
    async with stage.listening(stage.silent) as one, stage.listening() as two, client_of(one) as ada:
        await ada.login("ada", "a long secret")
        reply = await ada.post("say", text="a")
        await stage.until(lambda: one.last.named("say"))
        one.last.tell(Elsewhere(address=f"127.0.0.1:{two.port}"))
        assert await reply == {}
        assert [event.spec.name for event in two.last.events] == ["resume", "say"]
        assert ada.reconnects == 1


async def test_a_gateway_that_was_named_and_is_not_there_is_tried_once(stage: Any) -> None:
    async with stage.listening() as gone:
        nobody = f"127.0.0.1:{gone.port}"
    async with stage.listening() as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        for _ in range(3):
            gateway.last.tell(Elsewhere(address=nobody))
            await ada.send("say", text="a")
        assert (len(gateway.connections), ada.reconnects) == (2, 1)


async def test_an_address_that_does_not_answer_is_passed_over(stage: Any) -> None:
    async with stage.listening() as gone:
        nobody = gone.address
    async with stage.listening() as gateway, Client([nobody, gateway.address], backoff=QUICK) as ada:
        assert (await ada.login("ada", "a long secret"))["player"] == "ada"


async def test_a_refused_resume_is_the_end_and_all_who_wait_are_told(stage: Any) -> None:
    def script(connection: Any, event: Any) -> None:
        connection.refuse(event, "bad_token")

    limits = ClientLimits(window=1)
    async with stage.listening(stage.silent) as gateway, client_of(gateway, limits=limits) as ada:
        await ada.login("ada", "a long secret")
        sends = [asyncio.create_task(ada.send("say", text="a")) for _ in range(3)]
        await stage.until(lambda: gateway.last.named("say"))
        gateway.script = script
        gateway.last.drop()
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            assert isinstance(outcome, ConnectionLost)
            assert outcome.code == "bad_token"
        with pytest.raises(ConnectionLost, match="bad_token"):
            await anext(ada.notices())
        with pytest.raises(ConnectionLost, match="bad_token"):
            await ada.send("say", text="b")


async def test_a_resume_that_is_refused_for_the_moment_is_tried_again(stage: Any) -> None:
    def script(connection: Any, event: Any) -> None:
        if event.spec.name == "resume" and len(connection.gateway.connections) < 4:
            connection.refuse(event, "busy")
        else:
            stage.friendly(connection, event)

    async with stage.listening(script) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        gateway.last.drop()
        await stage.until(lambda: ada.reconnects == 1)
        assert len(gateway.connections) == 4


async def test_any_other_farewell_is_final(stage: Any) -> None:
    async with stage.listening(stage.silent) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        reply = await ada.post("say", text="a")
        gateway.last.bye("taken_over")
        with pytest.raises(ConnectionLost, match="taken_over"):
            await reply
        assert len(gateway.connections) == 1


async def test_a_connection_lost_before_entering_fails_the_entrance(stage: Any) -> None:
    def script(connection: Any, event: Any) -> None:
        connection.drop()

    async with stage.listening(script) as gateway, client_of(gateway) as ada:
        with pytest.raises(ConnectionLost):
            await ada.login("ada", "a long secret")
        with pytest.raises(ConnectionLost):
            await ada.login("ada", "a long secret")
        assert len(gateway.connections) == 1


async def test_where_nobody_answers_the_client_gives_up_after_its_attempts(stage: Any) -> None:
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)

    async with stage.listening() as gone:
        pass
    backoff = Backoff(base_s=1.0, cap_s=4.0, attempts_max=5)
    with pytest.raises(ConnectionLost, match="unreachable"):
        await client_of(gone, backoff=backoff, sleep=sleep).open()
    assert len(slept) == 4
    assert all(0 <= delay_s <= cap_s for delay_s, cap_s in zip(slept, (2.0, 4.0, 4.0, 4.0), strict=True))


async def test_a_client_that_can_not_come_back_tells_all_who_wait(stage: Any) -> None:
    async with stage.listening(stage.silent) as gateway, stage.listening() as other:
        once = Backoff(base_s=0.001, cap_s=0.001, attempts_max=1)
        ada = Client([gateway.address, ("127.0.0.1", 1)], backoff=once, away=once)
        await ada.open()
        await ada.login("ada", "a long secret")
        reply = await ada.post("say", text="a")
        gateway.last.drop()
        with pytest.raises(ConnectionLost, match="unreachable"):
            await reply
        assert not other.connections
        await ada.close()


async def test_a_gateway_that_does_not_answer_in_time_is_given_up(stage: Any) -> None:
    limits = ClientLimits(attempt_s_max=0.05)
    async with stage.listening() as deaf, stage.listening() as gateway:
        deaf.deaf = True
        async with client_of(deaf, gateway, limits=limits) as ada:
            await ada.login("ada", "a long secret")
        assert len(deaf.connections) == 1


async def test_an_address_that_accepts_nobody_is_left_for_the_next_one(stage: Any) -> None:
    limits = ClientLimits(connect_s_max=0.1, attempt_s_max=100.0)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as hole, contextlib.ExitStack() as waiting:
        for _ in range(3):  # more than wait for an accept: whoever comes then hears nothing
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(hole.getsockname())
        async with stage.listening() as gateway:
            async with Client([hole.getsockname(), gateway.address], limits=limits) as ada:
                await ada.login("ada", "a long secret")
            assert len(gateway.connections) == 1


async def test_silence_is_noticed_by_pinging_and_the_session_resumed_elsewhere(stage: Any) -> None:
    limits = ClientLimits(silence_s_max=0.05)
    silent, friendly = stage.listening(stage.silent), stage.listening()
    async with silent as one, friendly as two, client_of(one, two, limits=limits) as ada:
        await ada.login("ada", "a long secret")
        one.deaf = True
        reply = await ada.post("say", text="is anybody there?")
        assert await reply == {}
        assert two.last.events[0].spec.name == "resume"


async def test_an_idle_client_stays_connected_by_pinging(stage: Any) -> None:
    limits = ClientLimits(silence_s_max=0.2)
    async with stage.listening() as gateway, client_of(gateway, limits=limits) as ada:
        await ada.login("ada", "a long secret")
        await stage.until(lambda: gateway.last.received.count(b"ping") >= 3)
        assert ada.reconnects == 0


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff", b"\0\0\0\1\x01", b"\0\0\0\1\xc1", b"\0\0\0\1\x80"])
async def test_bytes_that_make_no_sense_cost_the_connection_but_not_the_session(stage: Any, garbage: bytes) -> None:
    async with stage.listening() as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        gateway.last.transport.write(garbage)
        await stage.until(lambda: ada.reconnects == 1)
        assert await ada.send("say", text="still here") == {}


async def test_an_error_that_answers_nothing_is_told_as_a_notice(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        ada._session.connector.connection._transport.write(b"\0\0\0\1\xc1")  # as a broken client would
        assert (await anext(ada.notices()))["code"] == "bad_packet"


async def test_logging_out_ends_the_session(stage: Any) -> None:
    async with stage.listening() as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        await ada.logout()
        assert gateway.last.named("logout")
        assert [notice async for notice in ada.notices()] == []
        await stage.until(lambda: gateway.last.closed)
        assert len(gateway.connections) == 1


async def test_closing_fails_what_is_unanswered_and_ends_the_notices(stage: Any) -> None:
    async with stage.listening(stage.silent) as gateway, client_of(gateway) as ada:
        await ada.login("ada", "a long secret")
        reply = await ada.post("say", text="a")
        await ada.close()
        with pytest.raises(ConnectionLost, match="closed"):
            await reply
        assert [notice async for notice in ada.notices()] == []
        await ada.close()
        await stage.until(lambda: gateway.last.closed)


async def test_closing_while_away_stops_the_search_for_a_gateway(stage: Any) -> None:
    searching = asyncio.Event()

    async def sleep(delay_s: float) -> None:
        searching.set()
        await asyncio.Event().wait()

    async with stage.listening(stage.silent) as gateway, client_of(gateway, sleep=sleep) as ada:
        await ada.login("ada", "a long secret")
        gateway.last.drop()
        await searching.wait()
        await ada.close()
        assert len(gateway.connections) == 1
