from typing import Any

import pytest

from gameserver.broker.gateway_routing import QUERY_PRIORITY, RESULT_PRIORITY, gateway_queue
from gameserver.broker.topology import (
    DEAD,
    DEAD_TICKS,
    DELAYS_MS,
    EVENTS,
    GATEWAY_QUEUE_KEPT_MS,
    OUTBOUND,
    PARTS_MAX,
    REPORTS,
    TICK,
    URGENT,
    Queue,
    Queues,
    delay_name,
    offered,
    possible_queues,
    topology,
    version,
)
from gameserver.declare import catalogue
from gameserver.declare.base import PRIORITY_MAX
from gameserver.declare.game_package import RESERVED
from gameserver.declare.session_events import GATEWAY_SILENT_MS
from gameserver.errors import Corrupt
from gameserver.limits import Limits
from tasks.beat import schedule_of

LIMITS = Limits(queue_messages_max=1_234)


CLASSIC, QUORUM = Queues(), Queues(type="quorum")


def queues(wanted: Queues = CLASSIC) -> dict[str, Queue]:
    return {queue.name: queue for queue in topology(LIMITS, wanted).queues}


def own(*names: str) -> Queues:
    return Queues(own=frozenset(names))


def test_every_family_has_a_queue() -> None:
    waiting = {name for name, queue in queues().items() if queue.exchange == EVENTS}
    assert waiting == set(catalogue.families())


def test_no_family_can_have_the_name_of_another_queue() -> None:
    others = {name for name, queue in queues().items() if queue.exchange != EVENTS} | {gateway_queue("g")}
    assert {name.partition(".")[0] for name in others} <= RESERVED


@pytest.mark.parametrize("spec", catalogue.specs(), ids=lambda spec: spec.name)
def test_every_event_has_a_queue_that_is_bound_by_its_own_name(spec: Any) -> None:
    for wanted in (Queues(), own(spec.name), own(spec.task)):
        queue = queues(wanted)[wanted.of(spec)]
        assert (queue.exchange, queue.keys) == (EVENTS, (queue.name,))


def test_a_queue_of_its_own_may_be_asked_for_by_either_name() -> None:
    attack = catalogue.events()["attack"].spec
    assert Queues().of(attack) == "combat"
    assert own("attack").of(attack) == own("combat.attack").of(attack) == "combat.attack"
    assert set(queues(own("attack"))) - set(queues()) == {"combat.attack"}


def test_a_queue_of_its_own_belongs_to_its_family() -> None:
    assert topology(LIMITS, CLASSIC).queues_of("combat") == ["combat"]
    assert topology(LIMITS, own("attack")).queues_of("combat") == ["combat", "combat.attack"]


def test_an_unknown_event_gets_no_queue_of_its_own() -> None:
    with pytest.raises(Corrupt, match=r"GAMESERVER_OWN_QUEUES.*dance, fly") as fault:
        topology(LIMITS, own("fly", "attack", "dance"))
    assert fault.value.code == "bad_setting"


def test_a_full_queue_refuses_what_comes_and_keeps_what_is_urgent() -> None:
    arguments = queues()["chat"].arguments
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
    kinds = {exchange.name: exchange.kind for exchange in topology(LIMITS, CLASSIC).exchanges}
    assert kinds[delay_name(ms)] == "fanout"


def test_delays_grow() -> None:
    assert list(DELAYS_MS) == sorted(set(DELAYS_MS))


def test_every_queue_is_bound_to_an_exchange_that_is_declared() -> None:
    stands = topology(LIMITS, own("move"))
    names = [exchange.name for exchange in stands.exchanges]
    assert len(names) == len(set(names))
    assert {OUTBOUND, EVENTS, DEAD} <= set(names)
    leading = {exchange.source for exchange in stands.exchanges} | {exchange.alternate for exchange in stands.exchanges}
    assert {queue.exchange for queue in stands.queues} | {OUTBOUND, REPORTS} | leading - {""} == set(names)


def test_ticks_have_a_key_that_leads_nowhere_but_away_from_dead_events() -> None:
    stands = topology(LIMITS, own("move"))
    assert [queue.name for queue in stands.queues if TICK in queue.keys] == [DEAD_TICKS]
    assert all(entry["options"]["headers"] == {"CC": [TICK]} for entry in schedule_of(catalogue.periodic()).values())


def test_a_gateways_queue_outlives_a_cut_connection_for_a_while() -> None:
    for wanted in (CLASSIC, QUORUM):
        assert topology(LIMITS, wanted).gateway_arguments["x-expires"] == GATEWAY_QUEUE_KEPT_MS
    assert topology(LIMITS, CLASSIC).gateway_arguments["x-max-priority"] == PRIORITY_MAX


def test_a_gateways_queue_is_bounded_and_refuses_nothing() -> None:
    """Workers tell several gateways at once: one that is frozen must not make them wait."""
    for wanted in (CLASSIC, QUORUM):
        arguments = topology(LIMITS, wanted).gateway_arguments
        assert arguments["x-overflow"] == "drop-head"
        assert arguments["x-max-length"] == LIMITS.gateway_queue_messages_max
        assert arguments["x-max-length-bytes"] == LIMITS.gateway_queue_bytes_max
        assert arguments["x-message-ttl"] > GATEWAY_SILENT_MS


def test_every_queue_has_a_bound() -> None:
    """But those of delays: what is in them is bounded by the queues that it came from, and may not be refused."""
    for wanted in (CLASSIC, QUORUM):
        unbounded = {queue.name for queue in topology(LIMITS, wanted).queues if "x-max-length" not in queue.arguments}
        assert unbounded == {delay_name(ms) for ms in DELAYS_MS}


def test_on_a_cluster_every_queue_is_replicated_and_none_has_what_quorum_queues_refuse() -> None:
    stands = topology(LIMITS, QUORUM)
    for arguments in (stands.gateway_arguments, *(queue.arguments for queue in stands.queues)):
        assert arguments["x-queue-type"] == "quorum"
        assert "x-max-priority" not in arguments
    assert {queue.name for queue in stands.queues} == set(queues())


def test_on_a_cluster_what_moves_to_another_queue_is_confirmed_there() -> None:
    for queue in queues(QUORUM).values():
        if "x-dead-letter-exchange" in queue.arguments:
            assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
            assert queue.arguments["x-overflow"] == "reject-publish"


def test_a_quorum_queue_gives_up_what_was_delivered_too_often_but_not_before_its_trials_are_over() -> None:
    assert queues(QUORUM)["chat"].arguments["x-delivery-limit"] == LIMITS.deliveries_max
    with pytest.raises(Corrupt, match="deliveries_max"):
        topology(Limits(deliveries_max=max(spec.max_attempts for spec in catalogue.specs())), QUORUM)


def test_priorities_keep_their_order_and_the_urgent_ones_are_high_to_a_quorum_queue() -> None:
    assert [CLASSIC.priority(wanted) for wanted in range(PRIORITY_MAX + 1)] == [0, 1, 2, 3, 4]
    published = [QUORUM.priority(wanted) for wanted in range(PRIORITY_MAX + 1)]
    assert published == sorted(set(published))
    assert [wanted for wanted, as_published in enumerate(published) if as_published >= 5] == list(range(URGENT, 5))


def test_what_is_published_again_keeps_its_priority() -> None:
    """RabbitMQ 4.3 tells 32 apart on quorum queues: what climbed with each trial would soon precede all else."""
    for queues_of in (CLASSIC, QUORUM):
        published = [queues_of.priority(wanted) for wanted in range(PRIORITY_MAX + 1)]
        assert [queues_of.priority(once) for once in published] == published


def test_a_question_to_a_gateway_is_high_to_a_quorum_queue_and_results_are_not() -> None:
    assert RESULT_PRIORITY < 5 <= QUERY_PRIORITY


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        ({"product": "RabbitMQ", "version": "3.10.8"}, (3, 10)),
        ({b"version": b"4.0.5"}, (4, 0)),
        ({"version": "4.3.0-rc.1"}, (4, 3)),
        ({"version": "unknown"}, (0, 0)),
        ({}, (0, 0)),
    ],
)
def test_the_broker_tells_its_version(properties: dict[Any, Any], found: tuple[int, int]) -> None:
    assert version(properties) == found


def test_what_a_broker_offers_depends_on_its_version() -> None:
    assert "5 priorities" in offered("classic", (3, 10))
    assert "no priorities" in offered("quorum", (3, 13))
    assert "two priorities" in offered("quorum", (4, 2))
    assert "5 priorities" in offered("quorum", (4, 3))
    with pytest.raises(Corrupt, match=r"3\.10"):
        offered("quorum", (3, 9))


SPLIT = Queues(own=frozenset({"attack"}), split={"movement": 3, "combat.attack": 2})


def test_a_split_queue_has_parts_and_the_first_keeps_the_name() -> None:
    assert set(queues(SPLIT)) - set(queues(own("attack"))) == {"movement.1", "movement.2", "combat.attack.1"}
    assert topology(LIMITS, SPLIT).queues_of("movement") == ["movement", "movement.1", "movement.2"]


def test_what_happens_in_a_place_waits_in_one_part_and_all_parts_are_used() -> None:
    move = catalogue.events()["move"].spec
    waits = {f"zone{n}": SPLIT.of(move, f"zone{n}") for n in range(40)}
    assert set(waits.values()) == {"movement", "movement.1", "movement.2"}
    assert waits == {place: SPLIT.of(move, place) for place in waits}
    assert SPLIT.of(move) == "movement"
    assert SPLIT.of(catalogue.events()["say"].spec, "zone1") == "chat"
    assert {SPLIT.of(catalogue.events()["attack"].spec, place) for place in waits} == {
        "combat.attack",
        "combat.attack.1",
    }


def test_parts_do_not_depend_on_the_process() -> None:
    """Gateways and workers must agree, and Python's own hash differs from one to the next."""
    move = catalogue.events()["move"].spec
    assert [SPLIT.of(move, place) for place in ("town", "meadow", "forest")] == ["movement", "movement.1", "movement.2"]


@pytest.mark.parametrize("split", [{"walking": 2}, {"combat.attack": 2}, {"chat": 1}, {"chat": PARTS_MAX + 1}])
def test_a_split_that_cannot_be_is_refused(split: dict[str, int]) -> None:
    with pytest.raises(Corrupt, match="GAMESERVER_SPLIT_QUEUES") as fault:
        topology(LIMITS, Queues(split=split))
    assert fault.value.code == "bad_setting"


@pytest.mark.parametrize("wanted", [CLASSIC, SPLIT, own("move", "chat.say")])
def test_every_queue_of_any_settings_is_a_possible_one(wanted: Queues) -> None:
    names = {name for family in catalogue.families() for name in topology(LIMITS, wanted).queues_of(family)}
    assert names <= set(possible_queues())
