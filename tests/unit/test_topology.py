from typing import Any

import pytest

from gameserver.errors import Corrupt
from gameserver.events import catalogue
from gameserver.events.base import PRIORITY_MAX
from gameserver.limits import Limits
from gameserver.topology import (
    DEAD,
    DELAYS_MS,
    EVENTS,
    GATEWAY_QUEUE_KEPT_MS,
    OUTBOUND,
    REPORTS,
    Queue,
    delay_name,
    event_arguments,
    gateway_arguments,
    gateway_queue,
    queue_of,
    topology,
)

LIMITS = Limits(queue_messages_max=1_234)


def queues(own: frozenset[str] = frozenset()) -> dict[str, Queue]:
    return {queue.name: queue for queue in topology(LIMITS, own).queues}


def test_every_family_has_a_queue() -> None:
    waiting = {name for name, queue in queues().items() if queue.exchange == EVENTS}
    assert waiting == set(catalogue.families())


@pytest.mark.parametrize("spec", catalogue.specs(), ids=lambda spec: spec.name)
def test_every_event_has_a_queue_that_is_bound_by_its_own_name(spec: Any) -> None:
    for own in (frozenset[str](), frozenset({spec.name}), frozenset({spec.task})):
        queue = queues(own)[queue_of(spec, own)]
        assert (queue.exchange, queue.keys) == (EVENTS, (queue.name,))


def test_a_queue_of_its_own_may_be_asked_for_by_either_name() -> None:
    attack = catalogue.events()["attack"].spec
    assert queue_of(attack) == "combat"
    assert queue_of(attack, {"attack"}) == queue_of(attack, {"combat.attack"}) == "combat.attack"
    assert set(queues(frozenset({"attack"}))) - set(queues()) == {"combat.attack"}


def test_a_queue_of_its_own_belongs_to_its_family() -> None:
    assert topology(LIMITS).queues_of("combat") == ["combat"]
    assert topology(LIMITS, frozenset({"attack"})).queues_of("combat") == ["combat", "combat.attack"]


def test_an_unknown_event_gets_no_queue_of_its_own() -> None:
    with pytest.raises(Corrupt, match=r"GAMESERVER_OWN_QUEUES.*dance, fly") as fault:
        topology(LIMITS, frozenset({"fly", "attack", "dance"}))
    assert fault.value.code == "bad_setting"


def test_a_full_queue_refuses_what_comes_and_keeps_what_is_urgent() -> None:
    arguments = event_arguments(LIMITS)
    assert arguments["x-max-length"] == 1_234
    assert arguments["x-overflow"] == "reject-publish"
    assert arguments["x-max-priority"] == PRIORITY_MAX
    assert arguments["x-dead-letter-exchange"] == DEAD
    assert all(queue.arguments == arguments for queue in queues().values() if queue.exchange == EVENTS)


@pytest.mark.parametrize("ms", DELAYS_MS)
def test_a_delay_gives_back_what_it_held_to_the_queue_it_was_for(ms: int) -> None:
    queue = queues()[delay_name(ms)]
    assert queue.exchange == delay_name(ms)
    assert queue.arguments["x-message-ttl"] == ms
    assert queue.arguments["x-dead-letter-exchange"] == EVENTS
    assert "x-dead-letter-routing-key" not in queue.arguments
    kinds = {exchange.name: exchange.kind for exchange in topology(LIMITS).exchanges}
    assert kinds[delay_name(ms)] == "fanout"


def test_delays_grow() -> None:
    assert list(DELAYS_MS) == sorted(set(DELAYS_MS))


def test_every_queue_is_bound_to_an_exchange_that_is_declared() -> None:
    stands = topology(LIMITS, frozenset({"move"}))
    names = [exchange.name for exchange in stands.exchanges]
    assert len(names) == len(set(names))
    assert {OUTBOUND, EVENTS, DEAD} <= set(names)
    assert {queue.exchange for queue in stands.queues} | {OUTBOUND, REPORTS} == set(names)


def test_a_gateways_queue_outlives_a_cut_connection_for_a_while() -> None:
    assert gateway_queue("g1") == "gateway.g1"
    assert gateway_arguments()["x-expires"] == GATEWAY_QUEUE_KEPT_MS
    assert gateway_arguments()["x-max-priority"] == PRIORITY_MAX
