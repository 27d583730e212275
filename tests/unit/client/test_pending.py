"""Requests are numbered and matched with replies, and there is a bound on how many are unanswered."""

import asyncio
from typing import Any

import pytest

from gameserver.client.errors import ConnectionLost
from gameserver.client.pending import PendingRequests


async def test_numbers_rise_and_never_fall_back() -> None:
    requests = PendingRequests(9)
    requests.skip_to(4)
    requests.skip_to(2)
    assert [requests.add({"type": "say"}).packet["seq"] for _ in range(3)] == [5, 6, 7]


async def test_what_is_unanswered_keeps_its_order() -> None:
    requests = PendingRequests(9)
    for _ in range(4):
        requests.add({"type": "say"})
    requests.succeed(2, {})
    assert [packet["seq"] for packet in requests.packets()] == [1, 3, 4]


async def test_a_reply_to_nothing_is_nothing() -> None:
    requests = PendingRequests(1)
    requests.add({"type": "say"})
    assert requests.succeed(7, {}) is None
    assert requests.succeed(1, {}) is not None
    assert requests.succeed(1, {}) is None


async def test_room_is_given_first_come_first_served(stage: Any) -> None:
    requests, entered = PendingRequests(1), []

    async def enter(name: str) -> None:
        await requests.wait_for_room()
        entered.append(name)
        requests.add({"type": "say"})

    tasks = [asyncio.create_task(enter(name)) for name in "abc"]
    for seq in (1, 2, 3):
        await stage.until(lambda seq=seq: len(entered) == seq)
        assert len(requests) == 1
        requests.succeed(seq, {})
    await asyncio.gather(*tasks)
    assert entered == ["a", "b", "c"]


async def test_what_is_not_counted_takes_no_room() -> None:
    requests = PendingRequests(1)
    requests.add({"type": "ack"}, counted=False)
    await requests.wait_for_room()
    requests.succeed(1, {})
    requests.add({"type": "say"})
    assert requests._room.locked()


async def test_failing_tells_who_waits_for_replies_and_who_waits_for_room() -> None:
    requests = PendingRequests(1)
    await requests.wait_for_room()
    reply = requests.add({"type": "say"}).reply
    rooms = [asyncio.create_task(requests.wait_for_room()) for _ in range(3)]
    await asyncio.sleep(0)
    requests.fail(ConnectionLost("bad_token", "Over."))
    for waits in (reply, *rooms):
        with pytest.raises(ConnectionLost, match="bad_token"):
            await waits
    assert len(requests) == 0
