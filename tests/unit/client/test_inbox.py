"""The inbox is bounded, delivers a durable notice once, and acknowledges it every time."""

import asyncio
from typing import Any

import pytest

from gameserver.client.errors import ConnectionLost
from gameserver.client.inbox import Inbox
from gameserver.client.limits import ClientLimits

ONE, TWO, THREE = ({"type": name} for name in ("one", "two", "three"))


def inbox_of(acknowledged: list[str] | None = None, on_notice: Any = None, **limits: int) -> Inbox:
    return Inbox(ClientLimits(**limits), ([] if acknowledged is None else acknowledged).append, on_notice)


def test_a_durable_notice_is_admitted_once_and_acknowledged_each_time() -> None:
    acknowledged: list[str] = []
    inbox = inbox_of(acknowledged)
    assert [inbox.admit({"type": "heard", "id": id_}) for id_ in "abab"] == [True, True, False, False]
    assert acknowledged == ["a", "b", "a", "b"]


def test_a_notice_without_id_is_always_admitted_and_never_acknowledged() -> None:
    acknowledged: list[str] = []
    inbox = inbox_of(acknowledged)
    assert [inbox.admit(ONE), inbox.admit(ONE)] == [True, True]
    assert acknowledged == []


def test_ids_are_remembered_in_bounded_memory() -> None:
    inbox = inbox_of(ids_kept=3)
    for id_ in "abcde":
        inbox.admit({"type": "heard", "id": id_})
    assert len(inbox._ids) == 3
    assert inbox.admit({"type": "heard", "id": "a"})


async def test_a_full_inbox_loses_the_oldest_and_counts_it() -> None:
    inbox = inbox_of(notices_max=2)
    for notice in (ONE, TWO, THREE):
        inbox.deliver(notice)
    inbox.end(ConnectionLost("logged_out", ""))
    assert [notice async for notice in inbox.read()] == [TWO, THREE]
    assert inbox.dropped == 1


async def test_what_came_before_the_end_can_still_be_read() -> None:
    inbox = inbox_of()
    inbox.deliver(ONE)
    inbox.end(ConnectionLost("taken_over", ""))
    notices = inbox.read()
    assert await anext(notices) == ONE
    with pytest.raises(ConnectionLost, match="taken_over"):
        await anext(notices)


async def test_a_callback_replaces_reading_and_its_failure_is_reported_to_the_loop() -> None:
    delivered: list[dict[str, Any]] = []
    failures: list[Any] = []

    def on_notice(notice: dict[str, Any]) -> None:
        delivered.append(notice)
        raise ValueError("the program's fault")

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context["exception"]))
    inbox = inbox_of(on_notice=on_notice)
    inbox.deliver(ONE)
    assert delivered == [ONE]
    assert [str(failure) for failure in failures] == ["the program's fault"]
