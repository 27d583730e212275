"""Warm stops (SIGTERM) of workers under load: what is in work is finished, and nothing else is waited for."""

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import pika
import pytest

from gameserver.broker.topology import DEAD, EVENTS
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE, task_message
from gameserver.modules.movement.events import Move
from gameserver.testing.deployment import Deployment
from gameserver.testing.processes import Proc, eventually
from tests.amqp import parameters

QUEUE = "movement"
WAITING = 300  # batches
SIZES = (*[1] * 20, 5, 60, 800)  # events; the last is more than a pipe takes at once
LONGEST_S = 1.5  # what the largest batch may take on a busy machine
STOP_S_MAX = LONGEST_S + 2.0


@contextlib.contextmanager
def load(url: str) -> Iterator[None]:
    """Keep the queue full of batches of all sizes, of sessions that nobody knows."""
    over = threading.Event()
    feeder = threading.Thread(target=_feed, args=(url, over))
    feeder.start()
    try:
        yield
    finally:
        over.set()
        feeder.join()


def _feed(url: str, over: threading.Event) -> None:
    with pika.BlockingConnection(parameters(url)) as connection:
        channel = connection.channel()
        numbers = count()
        while not over.is_set():
            missing = WAITING - channel.queue_declare(QUEUE, passive=True).method.message_count
            for number in islice(numbers, max(0, missing)):
                _publish(channel, number)
            connection.sleep(0.01)


def _publish(channel: Any, number: int) -> None:
    size = SIZES[number % len(SIZES)]
    batch = [
        Envelope(
            id=f"s{number}.{n}:1", event=Move(seq=1, dir="n"), at_ms=0, conn="c", session=f"s{number}.{n}", player="x"
        )
        for n in range(size)
    ]
    message = task_message(batch, "test")
    properties = pika.BasicProperties(
        content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING, headers=message.headers
    )
    channel.basic_publish(EVENTS, QUEUE, message.body, properties)


def stopped(worker: Proc, began_s: float) -> float:
    """How long a worker took to end."""
    eventually(lambda: not worker.alive, lambda: worker.tail, s_max=40.0)
    return time.monotonic() - began_s


def stop_many(deployment: Deployment, stops: int, at_once: int) -> list[float]:
    """Start workers and stop them in the midst of their work, several at a time. Gives the seconds that each took."""
    took: list[float] = []
    dice = random.Random(stops)
    while len(took) < stops:
        workers = deployment.workers([((QUEUE,), f"w{len(took)}.{n}", 2) for n in range(at_once)])
        time.sleep(dice.uniform(0.3, 1.0))  # any moment will do
        began_s = time.monotonic()
        for worker in workers:
            worker.terminate()
        took += [stopped(worker, began_s) for worker in workers]
    return took


def check_stops(deployment: Deployment, stops: int) -> None:
    deployment.workers([((QUEUE,), "first", 1)])  # declares what is published to
    with load(deployment.amqp_url):
        took = stop_many(deployment, stops, at_once=3)
    assert max(took) < STOP_S_MAX, sorted(took)
    with pika.BlockingConnection(parameters(deployment.amqp_url)) as connection:
        assert connection.channel().queue_declare(DEAD, passive=True).method.message_count == 0


def test_warm_stops_under_load_last_no_longer_than_what_is_in_work(deployment: Deployment) -> None:
    check_stops(deployment, 6)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_fifty_warm_stops_in_a_row_under_load(deployment: Deployment) -> None:
    check_stops(deployment, 50)
