from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.operations.advise import Advice, advise
from gameserver.operations.snapshot import Broker, Database, Disk, Flight, Node, Snapshot
from tests.unit.operations.moments import everyone, gateway, moment, worker


def commands(before: Snapshot, now: Snapshot, **options: Any) -> list[str]:
    return [advice.command for advice in advise(before, now, **{"one_writer": False, **options})]


def busy(share: float, *, oldest_s: float = 0.0, **changes: Any) -> tuple[Snapshot, Snapshot]:
    """Two moments, ten seconds apart, in which the chat workers were busy for a share of the time."""
    names = changes.pop("names", ("chat1@h",))
    others = everyone()[1:2]
    world = worker("world1@h", "world", events={"world": 20}, ticks=20)
    early = [worker(name, "chat") for name in names]
    late = [worker(name, "chat", busy_s={"chat": share * 10}) for name in names]
    before = moment(0, workers=(*early, *everyone()[1:]))
    old = gateway(oldest_s={"chat": oldest_s})
    return before, moment(10, **{"workers": (*late, *others, world), "gateways": (old,), **changes})


def test_a_deployment_that_is_well_needs_nothing() -> None:
    assert commands(*busy(0.4)) == []


def test_a_family_that_nobody_serves_gets_a_worker_with_a_free_name() -> None:
    before, now = busy(0.4, workers=(*everyone()[::2], worker("combat1@h", "combat")))
    assert commands(before, now)[0] == "celery -A tasks worker -Q combat.attack -n combat2@%h"


def test_a_paused_worker_is_told_to_go_on() -> None:
    before, now = busy(0.4, workers=(worker("chat1@h"), *everyone()[1:]))
    assert commands(before, now)[0] == "celery -A tasks control add_consumer chat -d chat1@h"


def test_old_events_and_busy_workers_want_another_worker_but_not_on_sqlite() -> None:
    both = busy(0.95, oldest_s=3.0)
    assert commands(*both) == ["celery -A tasks worker -Q chat -n chat2@%h"]
    (advice,) = advise(*both, one_writer=True)
    assert "PostgreSQL" in advice.why
    assert advice.command == ""


def test_old_events_and_idle_workers_want_a_look_and_no_worker() -> None:
    (advice,) = advise(*busy(0.05, oldest_s=3.0), one_writer=False)
    assert "would not help" in advice.why
    assert advice.command == ""


def test_a_worker_that_is_busy_with_another_family_counts_as_busy() -> None:
    before, now = busy(0.0, oldest_s=3.0)
    hard = worker("chat1@h", "chat", busy_s={"chat": 0.1, "combat": 9.0})
    now = moment(10, workers=(hard, *now.workers[1:]), gateways=now.gateways)
    assert commands(before, now) == ["celery -A tasks worker -Q chat -n chat2@%h"]


def test_idle_workers_are_too_many_but_never_the_last_one() -> None:
    names = ("chat1@h", "chat2@h")
    assert commands(*busy(0.01, names=names)) == ["celery -A tasks control shutdown -d chat2@h"]
    assert commands(*busy(0.01)) == []
    assert commands(*busy(0.3, names=names)) == []


def test_gateways_at_the_end_of_their_processor_want_another() -> None:
    before, now = busy(0.4)
    hot = moment(10, workers=now.workers, gateways=(gateway(cpu_s=9.5),))
    assert commands(before, hot) == ["python -m gateway tcp:4001"]
    mixed = moment(10, workers=now.workers, gateways=(gateway(cpu_s=9.5), gateway("g2", cpu_s=1.0)))
    assert commands(before, mixed) == []


def test_no_gateway_a_world_without_ticks_and_dead_letters_are_named() -> None:
    before, now = busy(0.4)
    assert commands(before, moment(10, workers=now.workers, gateways=())) == ["python -m gateway"]
    assert commands(before, moment(10)) == ["celery -A tasks beat"]
    found = advise(before, moment(10, workers=now.workers, dead=3, in_dead=2), one_writer=False)
    assert found[0] == Advice("3 events were given up in the last hour", "gameserver dead list --hours 1")
    assert "2 messages" in found[1].why


def test_a_database_that_did_not_say_is_no_dead_letter() -> None:
    before, now = busy(0.4)
    assert commands(before, moment(10, workers=now.workers, dead=None)) == []


def test_what_waits_for_a_worker_of_another_version_is_named() -> None:
    before, now = busy(0.4)
    (found,) = advise(before, moment(10, workers=now.workers, unread=2), one_writer=False)
    assert "2 events of an unknown type or form wait: a worker of another version" in found.why


@pytest.mark.parametrize(("skew_s", "said"), [(600.0, "600.0 s ahead of"), (-40.0, "40.0 s behind"), (0.9, "")])
@pytest.mark.parametrize("whose", ["gateway", "worker", "beat"])
def test_a_machine_whose_clock_is_wrong_is_named_with_the_command_that_sets_it(
    whose: str, skew_s: float, said: str
) -> None:
    before, now = busy(0.4)
    changed = {
        "gateway": {"gateways": (gateway(skew_s=skew_s),)},
        "worker": {"workers": (*now.workers[:-1], replace(now.workers[-1], skew_s=skew_s))},
        "beat": {"workers": (*now.workers[:-1], replace(now.workers[-1], beat_skew_s=skew_s))},
    }
    found = advise(before, replace(now, **changed[whose]), one_writer=False)
    assert [(said in each.why, whose in each.why, each.command) for each in found] == (
        [(True, True, "timedatectl set-ntp true")] if said else []
    )


def test_ticks_that_did_not_move_the_world_do_not_count() -> None:
    """Those of a beat whose numbers were lived through already; sweeps go on all the while."""
    before, now = busy(0.4)
    still = (*now.workers[:-1], replace(now.workers[-1], ticks=before.workers[-1].ticks))
    assert commands(before, replace(now, workers=still)) == ["celery -A tasks beat"]


# What bounds a deployment of many workers.

FLIGHT = Flight(batches_max=2, queues={"chat.say": 1, "chat.whisper": 1, "chat.look": 1})


def crowded(share: float, names: tuple[str, ...], *, oldest_s: float = 3.0) -> tuple[Snapshot, Snapshot]:
    """Chat's workers while one gateway sends one type of event."""
    before, now = busy(share, names=names, oldest_s=oldest_s, flight=FLIGHT)
    sending = gateway(oldest_s={"chat": oldest_s}, batches={"chat.say": 50, "chat.whisper": 1})
    before = replace(before, gateways=(replace(before.gateways[0], batches={"chat.say": 1, "chat.whisper": 1}),))
    return before, replace(now, gateways=(sending,))


@pytest.mark.parametrize(("share", "workers"), [(0.06, 20), (0.95, 2)])
def test_where_another_child_would_idle_that_is_said_instead_of_another_worker(share: float, workers: int) -> None:
    (found,) = advise(*crowded(share, tuple(f"chat{n}@h" for n in range(workers))), one_writer=False)
    assert (
        f"More than {workers} children would idle: of what is sent now at most 2 (1 gateway x 1 type x 2)" in found.why
    )
    assert all(cure in found.why for cure in ("SPLIT_QUEUES", "another gateway", "BATCHES_IN_FLIGHT_MAX"))
    assert found.command == ""


def test_below_the_bound_another_worker_is_advised_and_idle_ones_without_old_events_are_too_many() -> None:
    assert commands(*crowded(0.95, ("chat1@h",))) == ["celery -A tasks worker -Q chat -n chat2@%h"]
    many = tuple(f"chat{n}@h" for n in range(20))
    assert commands(*crowded(0.06, many, oldest_s=0.0)) == ["celery -A tasks control shutdown -d chat9@h"]


@pytest.mark.parametrize(("connections", "said"), [(77, False), (78, True)])
def test_a_database_that_is_near_its_bound_of_connections_is_named(connections: int, said: bool) -> None:
    before, now = busy(0.4)
    now = replace(now, database=Database(connections=connections, connections_max=97))
    found = advise(before, now, one_writer=False)
    assert [f"{connections} of 97 connections; 3 children of workers take up to 9" in each.why for each in found] == (
        [True] if said else []
    )


def test_a_database_that_does_not_answer_is_named_with_its_words_and_what_takes_its_connections() -> None:
    """A server that has no connection left can't say so by a figure: it does not answer."""
    before, now = busy(0.4)
    now = replace(now, dead=None, database=Database(fault="sorry, too many clients already"))
    assert advise(before, now, one_writer=False) == [
        Advice(
            "the database does not answer: sorry, too many clients already. If it has no connection left: 3 children "
            "of workers take up to 9: raise max_connections, or start fewer children"
        )
    ]
    assert advise(before, now, one_writer=True) == [  # SQLite counts none
        Advice("the database does not answer: sorry, too many clients already")
    ]


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (Node(name="rabbit@a", fd_used=80, fd_total=100, sockets_used=8, sockets_total=10), ""),
        (Node(name="rabbit@a", fd_used=81, fd_total=100), "node rabbit@a has 81 of 100 descriptors"),
        (Node(name="rabbit@a", sockets_used=9, sockets_total=10), "node rabbit@a has 9 of 10 sockets"),
        (Node(name="rabbit@a"), ""),  # of a version that does not say
    ],
)
def test_a_broker_that_is_near_its_bound_of_connections_is_named(node: Node, said: str) -> None:
    before, now = busy(0.4)
    found = advise(before, replace(now, broker=Broker(nodes=(node,))), one_writer=False)
    assert [said in each.why for each in found] == ([True] if said else [])


def test_a_management_that_does_not_answer_is_named() -> None:
    before, now = busy(0.4)
    (found,) = advise(before, replace(now, broker=Broker(fault="HTTP Error 401: Unauthorized")), one_writer=False)
    assert found.why == "the broker's management does not answer: HTTP Error 401: Unauthorized"


@pytest.mark.parametrize(
    ("free_gb", "total_gb", "said"), [(1.1, 10, False), (0.9, 10, True), (5.1, 2_000, False), (4.9, 2_000, True)]
)
def test_a_disk_that_is_nearly_full_is_named(free_gb: float, total_gb: float, said: bool) -> None:
    before, now = busy(0.4)
    disk = Disk(folder="/srv/my game/var", free_bytes=int(free_gb * 1e9), total_bytes=int(total_gb * 1e9))
    assert commands(before, replace(now, disk=disk)) == (["df -h '/srv/my game/var'"] if said else [])


def test_a_gateway_with_few_descriptors_and_one_that_is_full_are_named() -> None:
    before, now = busy(0.4)
    few = gateway(connections_max=960, connections=700)
    (found,) = advise(before, replace(now, gateways=(few,), connections_wanted=20_000), one_writer=False)
    assert "descriptors for 960 connections, not for connections_max (20000)" in found.why
    full = gateway(connections_max=20_000, connections=16_001)
    assert commands(before, replace(now, gateways=(full,), connections_wanted=20_000)) == ["python -m gateway tcp:4001"]
    older = gateway(connections=5)  # a gateway of a version that does not say
    assert commands(before, replace(now, gateways=(older,), connections_wanted=20_000)) == []
