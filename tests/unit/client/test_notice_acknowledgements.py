"""Durable notices are acknowledged in batches, one acknowledgement at a time."""

import asyncio
from typing import Any

from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.notice_acknowledgements import Acknowledger


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
    acks = Acknowledger(post, delay_s=0.001, ids_max=2)
    for id_ in "abc":
        acks.add(id_)
    await stage.until(lambda: post.sent)
    acks.flush()
    assert post.sent == [["a", "b"]]
    post.replies[0].set_result({})
    await stage.until(lambda: len(post.sent) == 2)
    assert post.sent[1] == ["c"]
    acks.stop()


async def test_a_refused_acknowledgement_is_tried_again_with_the_next(stage: Any) -> None:
    post = Post()
    acks = Acknowledger(post, delay_s=0.001, ids_max=9)
    acks.add("a")
    await stage.until(lambda: post.sent)
    acks.add("b")
    post.replies[0].set_exception(Refused("busy", "Too many events wait."))
    await stage.until(lambda: len(post.sent) == 2)
    assert post.sent[1] == ["a", "b"]
    acks.stop()


async def test_what_can_not_be_sent_yet_is_kept(stage: Any) -> None:
    post = Post()
    post.is_open = False
    acks = Acknowledger(post, delay_s=0.001, ids_max=9)
    acks.add("a")
    acks.flush()
    assert post.sent == []
    post.is_open = True
    await stage.until(lambda: post.sent)
    assert post.sent == [["a"]]


async def test_after_a_loss_nothing_is_sent_any_more(stage: Any) -> None:
    post = Post()
    acks = Acknowledger(post, delay_s=0.001, ids_max=1)
    acks.add("a")
    acks.add("b")
    await stage.until(lambda: post.sent)
    post.replies[0].set_exception(ConnectionLost("closed", ""))
    await asyncio.sleep(0)
    assert acks._timer is None
