"""The inbox is bounded, knows doubles, and acknowledges in batches."""

import asyncio
from typing import Any

from gameserver.client.errors import ConnectionLost
from gameserver.client.inbox import Acks, Inbox


def test_doubles_are_known_by_their_id_in_bounded_memory() -> None:
    inbox = Inbox(10, ids_kept=3)
    assert [inbox.is_double(id_) for id_ in "abab"] == [False, False, True, True]
    for id_ in "cde":
        inbox.is_double(id_)
    assert len(inbox._ids) == 3
    assert not inbox.is_double("a")


async def test_what_came_before_the_end_can_still_be_read() -> None:
    inbox = Inbox(10, 10)
    inbox.put({"type": "one"})
    inbox.end(ConnectionLost("closed", ""))
    assert [notice async for notice in inbox.read()] == [{"type": "one"}]


class Post:
    """Takes acknowledgements, and answers when told to."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.replies: list[asyncio.Future[dict[str, Any]]] = []
        self.is_open = True

    def __call__(self, ids: list[str]) -> asyncio.Future[dict[str, Any]] | None:
        if not self.is_open:
            return None
        self.sent.append(ids)
        self.replies.append(asyncio.get_running_loop().create_future())
        return self.replies[-1]


async def test_one_acknowledgement_at_a_time_is_under_way(stage: Any) -> None:
    post = Post()
    acks = Acks(post, delay_s=0.001, ids_max=2)
    for id_ in "abc":
        acks.add(id_)
    await stage.until(lambda: post.sent)
    acks.flush()
    assert post.sent == [["a", "b"]]
    post.replies[0].set_result({})
    await stage.until(lambda: len(post.sent) == 2)
    assert post.sent[1] == ["c"]
    acks.stop()


async def test_a_refused_acknowledgement_does_not_stop_the_next(stage: Any) -> None:
    post = Post()
    acks = Acks(post, delay_s=0.001, ids_max=9)
    acks.add("a")
    await stage.until(lambda: post.sent)
    acks.add("b")
    post.replies[0].set_exception(ValueError("busy"))
    await stage.until(lambda: len(post.sent) == 2)
    acks.stop()


async def test_what_can_not_be_sent_yet_is_kept(stage: Any) -> None:
    post = Post()
    post.is_open = False
    acks = Acks(post, delay_s=0.001, ids_max=9)
    acks.add("a")
    acks.flush()
    assert post.sent == []
    post.is_open = True
    await stage.until(lambda: post.sent)
    assert post.sent == [["a"]]
