"""The ledger numbers events, matches replies, and bounds how many are unanswered."""

import asyncio
from typing import Any

import pytest

from gameserver.client.errors import ConnectionLost
from gameserver.client.pending import Ledger


async def test_numbers_rise_and_never_fall_back() -> None:
    ledger = Ledger(9)
    ledger.skip_to(4)
    ledger.skip_to(2)
    assert [ledger.add({"type": "say"}).packet["seq"] for _ in range(3)] == [5, 6, 7]


async def test_what_is_unanswered_keeps_its_order() -> None:
    ledger = Ledger(9)
    for _ in range(4):
        ledger.add({"type": "say"})
    ledger.answered(2)
    assert [packet["seq"] for packet in ledger.unanswered()] == [1, 3, 4]


async def test_a_reply_to_nothing_is_nothing() -> None:
    ledger = Ledger(1)
    ledger.add({"type": "say"})
    assert ledger.answered(7) is None
    assert ledger.answered(1) is not None
    assert ledger.answered(1) is None


async def test_room_is_given_first_come_first_served(stage: Any) -> None:
    ledger, entered = Ledger(1), []

    async def enter(name: str) -> None:
        await ledger.room()
        entered.append(name)
        ledger.add({"type": "say"})

    tasks = [asyncio.create_task(enter(name)) for name in "abc"]
    for seq in (1, 2, 3):
        await stage.until(lambda seq=seq: len(entered) == seq)
        assert len(ledger) == 1
        ledger.answered(seq)
    await asyncio.gather(*tasks)
    assert entered == ["a", "b", "c"]


async def test_what_is_not_counted_takes_no_room() -> None:
    ledger = Ledger(1)
    ledger.add({"type": "ack"}, counted=False)
    await ledger.room()
    ledger.answered(1)
    ledger.add({"type": "say"})
    assert ledger._room.locked()


async def test_failing_tells_who_waits_for_replies_and_who_waits_for_room() -> None:
    ledger = Ledger(1)
    await ledger.room()
    reply = ledger.add({"type": "say"}).reply
    rooms = [asyncio.create_task(ledger.room()) for _ in range(3)]
    await asyncio.sleep(0)
    ledger.fail(ConnectionLost("bad_token", "Over."))
    for waits in (reply, *rooms):
        with pytest.raises(ConnectionLost, match="bad_token"):
            await waits
    assert len(ledger) == 0
