"""The game's own worker and gateway with one guarantee switched off, or with a handler that misbehaves when told to.

A checker that nobody has seen fail proves nothing: each sabotage must be found out. ``CHAOS_SABOTAGE`` names it;
``CHAOS_DAWDLE_S`` makes batches last so much longer, so that kills find events in a worker's hands. Apart from that,
whoever handles a line of chat, a gift or a look into a purse obeys orders to misbehave (``tests.chaos.orders``).
Worker: ``celery -A tests.chaos.sabotaged worker``; gateway: ``python -m tests.chaos.sabotaged``.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import tests.chaos.releases  # noqa: F401 - first: it decides which catalogue the rest finds
from gameserver.modules.combat import rules as combat
from gameserver.modules.movement import rules as movement
from gameserver.processing import applier, exactly_once
from gameserver.rules import book
from gameserver.rules.watermarks import Watermark
from gameserver.server_time import ServerClock
from gameserver.store.store import Store, Transaction
from gameserver.testing.effect_log import AuditedBatch
from gameserver.wire.server import ServerConnection
from gateway.connections.lanes import Lane
from tasks import app
from tasks.overrides import consumer
from tasks.processor import BatchProcessor
from tests.chaos.orders import obey
from tests.chaos.poison import allow

HOME = Path(os.environ["GAMESERVER_HOME"])


def _forget_watermarks() -> None:
    real = exactly_once.read_watermarks
    exactly_once.read_watermarks = lambda text: {lane: Watermark(-1, mark.stored) for lane, mark in real(text).items()}


def _empty_outbox() -> None:
    Transaction.add_waiting = lambda self, rows, now_ms, due_ms: None  # type: ignore[method-assign]


def _acknowledge_early() -> None:
    app.finalize()
    for task in app.tasks.values():
        task.acks_late = task.reject_on_worker_lost = False


def _many_in_flight() -> None:
    real = Lane.next

    def next_(self: Lane, now_s: float) -> Any:
        flying, self._flight = self._flight, {}
        group = real(self, now_s)
        self._flight = {**flying, **self._flight}
        return group

    Lane.next = next_  # type: ignore[method-assign]


def _no_leases() -> None:
    app.finalize()
    for task in app.tasks.values():
        task.time_limit = None


def _refuse_what_is_in_doubt() -> None:
    real = ServerConnection.entered

    def entered(self: ServerConnection, *args: Any, **how: Any) -> None:
        real(self, *args, **how)
        self.sent_before_to = 0

    ServerConnection.entered = entered  # type: ignore[method-assign]


def _count_no_trials() -> None:
    Store.trials = lambda self, ids: {}  # type: ignore[method-assign]


def _believe_every_clock() -> None:
    ServerClock.learn = lambda self, server_ms, after_s, before_s: None  # type: ignore[method-assign]
    applier._happens_ms = lambda envelope, now_ms: envelope.at_ms
    for module in (movement, combat):
        module.awaited = lambda due_ms, now_ms, most_ms: now_ms < due_ms  # type: ignore[attr-defined]


_SABOTAGE = {
    "clocks": _believe_every_clock,
    "doubt": _refuse_what_is_in_doubt,
    "trials": _count_no_trials,
    "watermark": _forget_watermarks,
    "outbox": _empty_outbox,
    "late acknowledgement": _acknowledge_early,
    "lane": _many_in_flight,
    "lease": _no_leases,
}


def _dawdle(seconds: float) -> None:
    real = BatchProcessor.handle

    def handle(self: BatchProcessor, *batch: Any, **how: Any) -> Any:
        time.sleep(seconds)
        return real(self, *batch, **how)

    BatchProcessor.handle = handle  # type: ignore[method-assign]


def _hold_no_longer_than(seconds: float) -> None:
    consumer.LOOK_EVERY_S = 1  # type: ignore[misc]
    consumer.held_s_max = lambda: seconds


if os.environ.get("CHAOS_SABOTAGE"):
    _SABOTAGE[os.environ["CHAOS_SABOTAGE"]]()
if os.environ.get("CHAOS_DAWDLE_S"):
    _dawdle(float(os.environ["CHAOS_DAWDLE_S"]))
if os.environ.get("CHAOS_HELD_S"):
    _hold_no_longer_than(float(os.environ["CHAOS_HELD_S"]))


def _disobedient(name: str) -> None:
    real: Any = book.rules()[name]

    def rule(state: Any, event: Any, context: Any) -> Any:
        obey(HOME, "hold within")
        return real(state, event, context)

    vars(rule).update(vars(real))
    rule.prepare = lambda *_: obey(HOME, "hold", "loop")  # type: ignore[attr-defined]
    book.rules()[name] = rule


allow()
applier.Applier.batch_transaction = AuditedBatch
for _name in ("say", "give", "purse"):
    _disobedient(_name)

if __name__ == "__main__":
    from gateway.__main__ import main

    sys.exit(main())
