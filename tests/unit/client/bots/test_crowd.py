"""A small crowd against a scripted gateway: entering, playing, settling, telling how it was."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from gameserver.client import Backoff
from gameserver.client.bots import bot
from gameserver.client.bots.bot import BotOptions
from gameserver.client.bots.crowd import run

QUICK = Backoff(base_s=0.001, cap_s=0.01, attempts_max=20)


def options(gateway: Any, **changes: Any) -> BotOptions:
    defaults = {"addresses": (gateway.address,), "count": 3, "rate": 40.0, "duration_s": 0.3, "backoff": QUICK}
    return BotOptions(**(defaults | changes))


def nothing(line: str) -> None:
    pass


async def test_a_crowd_plays_and_all_is_answered(stage: Any) -> None:
    lines: list[str] = []
    async with stage.listening() as gateway:
        summary = await run(options(gateway, duration_s=1.1), lines.append)
    assert summary.ok
    assert summary.entered == 3
    assert summary.answered == summary.sent > 50
    assert 0 < summary.p50_ms <= summary.p99_ms <= summary.max_ms
    assert lines[0].lstrip().startswith("1 s")  # the progress of the first second
    assert lines[-1] == "ok"
    assert [len(connection.named("logout")) for connection in gateway.connections] == [1, 1, 1]


async def test_bots_whose_name_is_taken_log_in(stage: Any) -> None:
    def script(connection: Any, event: Any) -> None:
        if event.spec.name == "register":
            connection.refuse(event, "name_taken")
        else:
            stage.friendly(connection, event)

    async with stage.listening(script) as gateway:
        summary = await run(options(gateway), nothing)
    assert summary.ok
    assert sorted(c.named("login")[0].name for c in gateway.connections) == ["bot0", "bot1", "bot2"]


async def test_no_more_bots_enter_at_a_time_than_allowed(stage: Any) -> None:
    entering: list[Any] = []
    most = 0

    def script(connection: Any, event: Any) -> None:
        nonlocal most
        if event.spec.name != "register":
            stage.friendly(connection, event)
            return
        entering.append(event)
        most = max(most, len(entering))
        asyncio.get_running_loop().call_later(0.01, let_in, connection, event)

    def let_in(connection: Any, event: Any) -> None:
        entering.remove(event)
        connection.let_in(event)

    async with stage.listening(script) as gateway:
        summary = await run(options(gateway, count=6, entering_max=2, duration_s=0.1), nothing)
    assert summary.entered == 6
    assert most == 2


async def test_the_rules_may_say_no_but_errors_are_not_ok(stage: Any) -> None:
    said: Counter[str] = Counter()

    def script(connection: Any, event: Any) -> None:
        codes = {"move": "wall", "say": "internal"}
        if event.spec.name in codes:
            said[codes[event.spec.name]] += 1
            connection.refuse(event, codes[event.spec.name])
        else:
            stage.friendly(connection, event)

    async with stage.listening(script) as gateway:
        summary = await run(options(gateway, duration_s=0.5, rate=45.0), nothing)
    assert said.keys() == {"wall", "internal"}
    assert summary.refused == {"wall": said["wall"]}
    assert summary.errors == {"internal": said["internal"]}
    assert not summary.unanswered
    assert not summary.ok


async def test_what_is_not_answered_is_waited_for_and_then_told(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot, "LOGOUT_S_MAX", 0.05)
    async with stage.listening(stage.silent) as gateway:
        summary = await run(options(gateway, settle_s=0.05), nothing)
    assert summary.unanswered == summary.sent > 0
    assert summary.lines()[-1] == "NOT OK"


async def test_a_bot_that_is_not_let_in_is_an_error_and_the_others_play(stage: Any) -> None:
    def script(connection: Any, event: Any) -> None:
        if event.spec.name == "register" and event.name == "bot1":
            connection.refuse(event, "bad_password")
        else:
            stage.friendly(connection, event)

    async with stage.listening(script) as gateway:
        summary = await run(options(gateway), nothing)
    assert summary.entered == 2
    assert summary.errors == {"bad_password": 1}
    assert summary.sent > 0
    assert not summary.ok


async def test_a_door_that_is_busy_is_knocked_at_again(stage: Any) -> None:
    refused: set[str] = set()

    def script(connection: Any, event: Any) -> None:
        if event.spec.name == "register" and event.name not in refused:
            refused.add(event.name)
            connection.refuse(event, "busy")
        else:
            stage.friendly(connection, event)

    async with stage.listening(script) as gateway:
        summary = await run(options(gateway), nothing)
    assert refused == {"bot0", "bot1", "bot2"}
    assert summary.ok


async def test_losing_a_gateway_on_the_way_is_survived_and_counted(stage: Any) -> None:
    async with stage.listening() as one, stage.listening() as two:
        crowd = options(one, addresses=(one.address, two.address), count=4, duration_s=0.6)
        running = asyncio.create_task(run(crowd, nothing))
        await stage.until(lambda: sum(len(c.seqs()) for c in one.connections) > 6)
        for connection in list(one.connections):
            connection.bye("going_away")
        summary = await running
    assert summary.reconnects == 2
    assert summary.ok


async def test_an_everlasting_crowd_waits_for_a_server_and_outlives_it(stage: Any) -> None:
    stop = asyncio.Event()
    async with stage.listening() as gone:
        pass
    patient = options(gone, duration_s=None, backoff=Backoff(base_s=0.001, cap_s=0.005, attempts_max=3))
    running = asyncio.create_task(run(patient, nothing, stop))
    for _ in range(2):
        async with stage.listening(port=gone.port) as gateway:
            await stage.until(lambda gateway=gateway: sum(len(c.seqs()) for c in gateway.connections) > 6)
    stop.set()
    assert (await running).answered > 10
