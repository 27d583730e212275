"""How many batches can be under way, and so how many children can be busy."""

from gameserver.operations import batch_bound
from gameserver.operations.snapshot import Flight, Snapshot
from tests.unit.operations.moments import gateway, moment, worker

QUEUES = Flight(batches_max=2, queues={"chat.say": 1, "chat.whisper": 1, "combat.attack": 3})


def two_gateways(**batches: int) -> Snapshot:
    published = {name.replace("_", "."): count for name, count in batches.items()}
    return moment(gateways=(gateway("g1", batches=published), gateway("g2")), flight=QUEUES)


def test_the_bound_is_gateways_by_types_and_queues_by_the_limit() -> None:
    now = two_gateways()
    assert batch_bound.bound(now, ["chat.say"]) == 4
    assert batch_bound.bound(now, batch_bound.sent(now, "chat")) == 8
    assert batch_bound.bound(now, batch_bound.sent(now, "combat")) == 12
    assert batch_bound.format_bound(now, now.flight.queues) == "20 (2 gateways x 5 types x 2)"
    assert batch_bound.format_bound(moment(flight=QUEUES), ["chat.say"]) == "2 (1 gateway x 1 type x 2)"


def test_types_count_that_were_sent_between_the_two_moments() -> None:
    before, now = two_gateways(chat_say=5, chat_whisper=7), two_gateways(chat_say=6, chat_whisper=7)
    assert batch_bound.sent_lately(before, now, "chat") == ["chat.say"]
    assert (
        batch_bound.sent_lately(moment(gateways=()), now, "chat") == []
    )  # since when its gateway sent them is not known


def test_children_are_those_that_serve_the_family() -> None:
    now = moment(workers=(worker("a@h", "chat", children=3), worker("b@h", "world"), worker("c@h", "chat", "world")))
    assert batch_bound.children(now, "chat") == 4


def test_another_child_would_idle_where_as_many_work_as_batches_can_be_under_way() -> None:
    assert batch_bound.reached(50, 0.08, 4)
    assert batch_bound.reached(4, 1.0, 4)
    assert not batch_bound.reached(3, 1.0, 4)
    assert not batch_bound.reached(50, 0.02, 4)  # something else holds them up
    assert not batch_bound.reached(50, 1.0, 0)  # nothing is known of the bound
