"""The worker's last net: what is held for much longer than a lease makes it give up its connection."""

from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state
from kombu import Connection

from gameserver.declare import catalogue
from tasks.overrides.ack_timeout import LOOK_EVERY_S, HeldMessages, HeldTooLongError, held_s_max
from tasks.overrides.consumer import PromptConsumer


@dataclass(eq=False)
class Request:
    id: str = "one"
    acknowledged: bool = False


def test_what_is_held_for_too_long_is_named() -> None:
    held, late, new = HeldMessages(300), Request("late"), Request("new")
    held.check([late], 0.0)
    held.check([late, new], 300.0)
    with pytest.raises(HeldTooLongError, match=r"^late: held for 300 s"):
        held.check([late, new], 301.0)


def test_what_is_acknowledged_or_gone_is_not_held() -> None:
    held, done, gone = HeldMessages(300), Request(), Request()
    held.check([done, gone], 0.0)
    done.acknowledged = True
    held.check([done], 1000.0)


def test_what_was_there_before_this_connection_is_not_held_of_it() -> None:
    lost = Request()
    held = HeldMessages(300, before=[lost])
    held.check([lost], 0.0)
    held.check([lost], 1000.0)


def test_no_lease_is_near_the_bound() -> None:
    assert held_s_max() >= 10 * max(spec.lease_s for spec in catalogue.specs())


def test_a_worker_takes_it_for_a_lost_connection() -> None:
    """Celery's loop then closes the connection, which gives everything back, and connects anew."""
    with pytest.raises(Connection("amqp://nowhere").connection_errors):
        raise HeldTooLongError


def test_a_worker_looks_at_what_it_holds_as_long_as_it_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    old, taken = Request("old"), Request("taken")
    monkeypatch.setattr(state, "reserved_requests", {old})
    calls: list[Any] = []
    hub = SimpleNamespace(call_repeatedly=lambda every_s, call, *args: calls.append((every_s, partial(call, *args))))
    consumer: Any = object.__new__(PromptConsumer)
    consumer.blueprint = SimpleNamespace(send_all=lambda *_, **__: None)
    consumer.register_with_event_loop(hub)
    (every_s, look), _ = calls  # the other: whether publishing was refused
    assert every_s == LOOK_EVERY_S
    monkeypatch.setattr(state, "reserved_requests", {old, taken})
    now_s = [0.0]
    monkeypatch.setattr("tasks.overrides.consumer.time.monotonic", lambda: now_s[0])
    look()
    now_s[0] = held_s_max() + 1
    with pytest.raises(HeldTooLongError, match=r"^taken:"):
        look()
