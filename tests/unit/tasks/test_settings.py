"""Celery's settings and the generated tasks: what each promise of delivery hangs on."""

from inspect import signature

import pytest
from celery.beat import BeatLazyFunc
from kombu.utils.imports import symbol_by_name

from gameserver.broker.topology import DEAD, EVENTS
from gameserver.declare import catalogue
from gameserver.declare.base import PRIORITY_MAX
from gameserver.local.plan import worker_command
from gameserver.messages.envelope import read_batch
from tasks import app
from tasks.beat import PunctualScheduler
from tasks.overrides.event_task import EventTask
from tasks.unread_messages import UNKNOWN

SPECS = {spec.task: spec for spec in catalogue.specs()}


@pytest.mark.parametrize("task", SPECS)
def test_every_event_type_is_a_named_task_whose_time_limit_is_its_lease(task):
    registered = app.tasks[task]
    assert isinstance(registered, EventTask)
    assert registered.time_limit == SPECS[task].lease_s
    assert registered.soft_time_limit is None
    assert registered.__doc__


def test_there_are_no_other_tasks_than_celerys_the_catalogues_and_one_for_those_of_other_versions():
    assert {name for name in app.tasks if not name.startswith("celery.")} == {*SPECS, UNKNOWN}


@pytest.mark.parametrize("task", SPECS)
def test_every_event_type_is_routed_to_a_queue_with_its_priority(task):
    route = app.conf.task_routes[task]
    assert route["queue"] in {queue.name for queue in app.conf.task_queues}
    assert route["priority"] == SPECS[task].priority
    assert route["delivery_mode"] == (2 if SPECS[task].durable else 1)


def test_there_is_a_queue_for_each_family_and_none_is_made_by_a_typing_error():
    assert {queue.name for queue in app.conf.task_queues} == set(catalogue.families())
    assert app.conf.task_create_missing_queues is False


def test_a_worker_that_is_told_no_queues_takes_from_all() -> None:
    assert set(app.amqp.Queues(app.conf.task_queues).consume_from) == set(catalogue.families())


def test_queues_are_declared_as_the_gateway_declares_them():
    for queue in app.conf.task_queues:
        assert queue.exchange.name == EVENTS
        assert queue.routing_key == queue.name
        assert queue.durable
        assert queue.queue_arguments["x-max-priority"] == PRIORITY_MAX
        assert queue.queue_arguments["x-overflow"] == "reject-publish"
        assert queue.queue_arguments["x-dead-letter-exchange"] == DEAD


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("task_acks_late", True),
        ("task_reject_on_worker_lost", True),
        ("task_acks_on_failure", False),
        ("task_acks_on_timeout", False),
        ("worker_prefetch_multiplier", 2),
        ("worker_cancel_long_running_tasks_on_connection_loss", True),
        ("broker_connection_max_retries", None),
        ("broker_channel_error_retry", True),
        ("result_backend", None),
        ("worker_send_task_events", True),
    ],
)
def test_nothing_is_lost_with_a_worker(setting, value):
    assert getattr(app.conf, setting) == value


def test_a_message_can_run_no_code():
    assert set(app.conf.accept_content) == {"json", "msgpack"}
    assert app.conf.task_serializer == "json"


def test_a_frozen_worker_loses_its_events_before_the_longest_lease_is_over():
    assert app.conf.broker_heartbeat * 2.6 <= max(spec.lease_s for spec in SPECS.values())


def test_what_beat_sends_can_be_read_and_expires_when_nobody_takes_it():
    for entry in app.conf.beat_schedule.values():
        (pulse,) = entry["args"]
        assert isinstance(pulse, BeatLazyFunc)
        (envelope,) = read_batch(pulse())
        assert envelope.event.spec.task == entry["task"]
        assert entry["options"]["expiration"] > entry["schedule"]


def test_beat_sleeps_between_ticks_and_does_not_ask_without_a_pause():
    assert symbol_by_name(app.conf.beat_scheduler) is PunctualScheduler


def test_a_worker_has_one_child_unless_its_command_says_otherwise_as_those_that_up_starts():
    assert app.conf.worker_concurrency == signature(worker_command).parameters["children"].default == 1
