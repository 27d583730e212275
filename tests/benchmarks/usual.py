"""The usual way: Twisted in front, and one ``apply_async`` per packet, called in a thread so that it blocks nobody.

Worker and Celery settings are the defaults, a task is one event and one transaction, and its result comes back through
a queue. It promises less than this server: what a worker had in hand when it died is lost, and order is left to luck.
"""

import os
import sqlite3
from collections import defaultdict
from functools import cache
from threading import Thread
from typing import Any

from celery import Celery
from kombu import Connection, Consumer, Queue
from twisted.internet import reactor, threads

from gameserver.modules.movement.rules import STEPS
from tests.benchmarks.floor import Walker, Walkers, serve

REPLIES = Queue("replies", durable=False)

app = Celery("usual", broker=os.environ.get("USUAL_BROKER", ""))


# In the worker.


@cache
def _database() -> sqlite3.Connection:
    database = sqlite3.connect(os.environ["USUAL_DATABASE"], timeout=15, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute("CREATE TABLE IF NOT EXISTS players (id TEXT PRIMARY KEY, x INTEGER, y INTEGER, v INTEGER)")
    return database


@app.task(name="move", ignore_result=True)
def move(name: str, x: int, y: int, direction: str, seq: int) -> None:
    """One step. Who has no row yet stands at x and y."""
    dx, dy = STEPS[direction]
    step = "ON CONFLICT DO UPDATE SET x = x + ?, y = y + ?, v = v + 1 RETURNING x, y, v"
    row = _database().execute(f"INSERT INTO players VALUES (?, ?, ?, 1) {step}", (name, x + dx, y + dy, dx, dy))
    at = row.fetchone()
    with app.producer_or_acquire() as producer:
        producer.publish([name, seq, *at], exchange="", routing_key=REPLIES.name, serializer="json", delivery_mode=1)


# In the gateway.


class TaskWalker(Walker):
    """A client whose steps are tasks."""

    def __init__(self, crowds: Any, by_name: "dict[str, TaskWalker]") -> None:
        super().__init__(crowds)
        self._by_name = by_name

    def enter(self, name: str, seq: int) -> None:
        """Come into the world."""
        self.v = self._by_name[name].v if name in self._by_name else 0  # the row's, which stays
        super().enter(name, seq)
        self._by_name[name] = self

    def move(self, packet: Any) -> None:
        """A task, sent from a thread."""
        threads.deferToThread(move.apply_async, (self.name, self.x, self.y, packet.dir, packet.seq))


def _replies(by_name: dict[str, TaskWalker]) -> None:
    """Pass on what workers say."""
    with Connection(os.environ["USUAL_BROKER"]) as connection:

        def said(body: Any, message: Any) -> None:
            message.ack()
            reactor.callFromThread(_said, by_name, *body)  # type: ignore[attr-defined]

        with Consumer(connection, [REPLIES], callbacks=[said]):
            while True:
                connection.drain_events()


def _said(by_name: dict[str, TaskWalker], name: str, seq: int, x: int, y: int, v: int) -> None:
    walker = by_name[name]
    walker.x, walker.y, walker.v = x, y, v
    walker.moved(seq)


def main() -> None:
    """Run the gateway."""
    by_name: dict[str, TaskWalker] = {}
    Thread(target=_replies, args=(by_name,), daemon=True).start()
    serve(Walkers(TaskWalker, defaultdict(set), by_name))


if __name__ == "__main__":
    main()
