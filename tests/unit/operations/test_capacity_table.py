"""The table of docs/capacity.md is arithmetic over what the code decides and docs/performance.md measured."""

from docs.refresh import CAPACITY, ROOT
from gameserver.declare import catalogue
from gameserver.limits import Limits
from gameserver.operations import capacity_table
from gameserver.operations.capacity_table import Size
from gameserver.store.engine import CONNECTIONS_MAX


def test_gateways_follow_from_processors_and_connections_with_one_to_spare() -> None:
    assert [Size(players).gateways for players in (100, 1_000, 10_000)] == [2, 2, 4]
    assert Size(10_000_000).gateways > 10_000_000 / Limits().connections_max


def test_each_family_has_a_child() -> None:
    size = Size(1_000)
    assert size.children == size.movers + len(catalogue.families()) - 1


def test_movements_children_are_not_held_up_by_the_batches_that_can_be_under_way() -> None:
    assert all(Size(players).movers <= Size(players).flight for players in capacity_table.PLAYERS)


def test_connections_are_those_of_every_process() -> None:
    size = Size(1_000)
    assert size.database == size.children * CONNECTIONS_MAX + capacity_table.COMMANDS
    assert size.amqp == size.children * 4 + size.gateways + 2 + 8


def test_what_is_said_to_be_measured_stands_in_the_page_as_it_is_used() -> None:
    measured = (ROOT / CAPACITY).read_text().split("## Measured")[1]
    costs = f"{capacity_table.GATEWAY_S}, {capacity_table.BROKER_S}, {capacity_table.CHILD_S}"
    memory = f"{capacity_table.WORKER_MB} MB, {capacity_table.CHILD_MB} MB, {capacity_table.BEAT_MB} MB"
    sockets = (
        capacity_table.AMQP_OF_WORKER,
        capacity_table.AMQP_OF_CHILD,
        capacity_table.AMQP_OF_GATEWAY,
        capacity_table.AMQP_OF_BEAT,
    )
    for text in (costs, memory, ", ".join(map(str, (*sockets, capacity_table.AMQP_OF_FLOWER)))):
        assert f"| {text} |" in measured
    assert f"| {capacity_table.GATEWAY_MB} MB; " in measured
    assert f"so {capacity_table.PLAYERS_MB} KB a player" in measured
    assert f"| {capacity_table.BROKER_MB} MB, {capacity_table.FLOWER_MB} MB |" in measured
    assert f"{CONNECTIONS_MAX} at most |" in measured
