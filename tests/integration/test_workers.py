"""Real workers on a real broker: what operators see of them, what they keep secret, what they take first."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pika
import pytest
from kombu import Connection

from gameserver.broker import declare_queues
from gameserver.broker.topology import DEAD, EVENTS, OUTBOUND, topology
from gameserver.declare import base
from gameserver.declare.session_events import Heartbeat
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE, TaskMessage, task_message
from gameserver.modules.sessions.events import Ack
from gameserver.testing.deployment import Deployment, LiveDeployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from tests.amqp import parameters
from tests.deployments import FAMILIES
from tests.flowers import FlowerPages
from tests.integration.tapped import Tap
from tests.integration.watched import Watched

PASSWORD = "hunter2 and a long tail"


@contextlib.contextmanager
def channel(url: str) -> Iterator[Any]:
    with pika.BlockingConnection(parameters(url)) as connection:
        yield connection.channel()


def declare(deployment: Deployment) -> None:
    """Make the server's exchanges and queues, as a process would."""
    with Connection(deployment.amqp_url) as connection:
        declare_queues.declare(connection, topology(deployment.settings.limits, deployment.settings.queues))


def publish(
    deployment: Deployment, *messages: TaskMessage, queue: str, body: bytes | None = None, **headers: Any
) -> None:
    with channel(deployment.amqp_url) as made:
        made.confirm_delivery()
        for message in messages:
            properties = pika.BasicProperties(
                content_type=CONTENT_TYPE,
                content_encoding=CONTENT_ENCODING,
                delivery_mode=2,
                priority=message.priority,
                correlation_id=message.task_id,
                headers={**message.headers, **headers},
            )
            made.basic_publish(EVENTS, queue, message.body if body is None else body, properties, mandatory=True)


def of_the_server(event: base.Event, id_: str) -> TaskMessage:
    return task_message([Envelope(id=id_, event=event, at_ms=0, gateway="nobody")], "a test")


def queue_length(deployment: Deployment, queue: str) -> int:
    with channel(deployment.amqp_url) as made:
        return made.queue_declare(queue, passive=True).method.message_count


def test_an_event_is_a_named_task_with_readable_arguments_and_no_secret_is_seen_anywhere(server: LiveDeployment):
    deployment = server.deployment
    events = Tap(deployment.amqp_url, EVENTS, *FAMILIES)
    outbound = Tap(deployment.amqp_url, OUTBOUND, f"gateway.{server.gateway.id}")
    with Watched(deployment.amqp_url) as watched, LineClient(server.gateway.port) as ada:
        ada.register("Ada", PASSWORD)
        ada.ask("say", text="good morning")
        eventually(lambda: watched.of("task-succeeded", uuid=f"{ada.session}:2"), "the say in the worker's events")
        (login,) = watched.of("task-received", name="sessions.register")
        (say,) = watched.of("task-received", name="chat.say")
        assert login["args"] == f"{server.gateway.id} register name='Ada'"
        assert say["args"] == "ada say text='good morning'"
        assert say["uuid"] == f"{ada.session}:2"
        (done,) = watched.of("task-succeeded", uuid=say["uuid"])
        assert done["runtime"] > 0
        assert watched.of("task-started", uuid=say["uuid"])
        token = ada.token
    seen = [*events.look(), *outbound.look()]
    assert {key for key, _, _ in seen} >= {"sessions", "chat"}
    for secret in (PASSWORD, token):
        for key, headers, body in seen:
            assert secret.encode() not in body, key
            assert secret not in str(headers), key
        for proc in deployment.procs:
            assert secret not in proc.text, proc.name
        assert secret not in json.dumps(watched.events, default=str)
        for file in deployment.folder.glob("world.sqlite*"):
            assert secret.encode() not in file.read_bytes(), file
    events.close()
    outbound.close()


MALFORMED = {
    "no id": {"id": None},
    "a bad time limit": {"timelimit": "soon"},
    "an eta": {"eta": "2038-01-01T00:00:00"},
}
BODIES = {
    "no list of three": b"[]",
    "no JSON": b"\xff{",
    "no batch": b'[["text"], {}, null]',
    "an empty batch": b"[[[]], {}, null]",
    "no event": b'[[[{"id": "x", "event": "nonsense", "at_ms": 0}]], {}, null]',
}
OF_ANOTHER_VERSION: dict[str, dict[str, Any]] = {
    "an unknown task": {"task": "combat.nonsense"},
    "an unknown event": {"body": b'[[[{"id": "x", "event": {"type": "nonsense"}, "at_ms": 0}]], {}, null]'},
}


def test_malformed_messages_become_dead_letters_and_hurt_neither_worker_nor_neighbours(server: LiveDeployment):
    deployment = server.deployment
    children = server.worker.children()
    for n, headers in enumerate(MALFORMED.values()):
        publish(deployment, of_the_server(Heartbeat(sessions=0), f"bad headers {n}"), queue="sessions", **headers)
    for n, body in enumerate(BODIES.values()):
        publish(deployment, of_the_server(Heartbeat(sessions=0), f"bad body {n}"), queue="sessions", body=body)
    eventually(
        lambda: queue_length(deployment, DEAD) == len(MALFORMED) + len(BODIES), "all of them in the dead letters"
    )
    with LineClient(server.gateway.port) as bob:
        bob.register("Bob", PASSWORD)
    assert server.worker.alive
    assert server.worker.children() == children


def test_what_another_version_published_and_nobody_awaits_ends_without_a_dead_letter(server: LiveDeployment):
    """What somebody awaits goes round instead: test_other_versions and test_unread_messages."""
    deployment = server.deployment
    dead = queue_length(deployment, DEAD)
    with Watched(deployment.amqp_url) as watched:
        for name, made in OF_ANOTHER_VERSION.items():
            publish(deployment, of_the_server(Heartbeat(sessions=0), name), queue="sessions", **made)
        for name in OF_ANOTHER_VERSION:
            eventually(lambda name=name: watched.of("task-succeeded", uuid=name), name)
            (done,) = watched.of("task-succeeded", uuid=name)
            assert '"outcomes":{"dropped":1}' in done["result"]
    assert queue_length(deployment, DEAD) == dead


def test_with_a_backlog_a_more_urgent_event_of_the_family_overtakes(deployment: Deployment):
    declare(deployment)
    slow = [of_the_server(Ack(ids=[]), f"ack{n}") for n in range(30)]
    publish(deployment, *slow, of_the_server(Heartbeat(sessions=0), "urgent"), queue="sessions")
    with Watched(deployment.amqp_url) as watched:
        deployment.worker("sessions", name="sessions1")
        eventually(lambda: len(watched.of("task-succeeded")) == 31, "all of them done")
        order = [event["uuid"] for event in watched.of("task-started")]
    assert order == ["urgent", *(message.task_id for message in slow)]


def test_an_event_type_given_a_queue_of_its_own_goes_there_and_is_served_from_there(deployment: Deployment):
    deployment.environ["GAMESERVER_OWN_QUEUES"] = "attack, chat.shout"
    deployment.worker(*FAMILIES, "combat.attack", "chat.shout", name="all")
    gateway = deployment.gateway()
    tap = Tap(deployment.amqp_url, EVENTS, *FAMILIES, "combat.attack", "chat.shout")
    with LineClient(gateway.port) as ada:
        ada.register("Ada", PASSWORD)
        assert ada.ask("attack", target="nobody")["code"] == "no_such_target"
        assert ada.ask("shout", text="hey")["type"] == "ok"
        assert ada.ask("say", text="hey")["type"] == "ok"
    routes = {headers["task"]: key for key, headers, _ in tap.look()}
    tap.close()
    assert (routes["combat.attack"], routes["chat.shout"], routes["chat.say"]) == (
        "combat.attack",
        "chat.shout",
        "chat",
    )


@pytest.mark.parametrize("program", ["gateway", "worker"])
def test_a_queue_of_its_own_for_an_event_that_does_not_exist_is_refused_at_the_start(
    deployment: Deployment, program: str
):
    env = {"GAMESERVER_OWN_QUEUES": "attack,atack"}
    with pytest.raises(AssertionError, match="names no event: atack"):
        deployment.gateway(env=env) if program == "gateway" else deployment.worker("combat", name="combat1", env=env)
    assert deployment.procs[-1].wait() != 0


POISONS = ("needs", "rule", "encode", "save")


def test_poison_at_any_step_is_answered_and_costs_neither_neighbours_nor_a_message(deployment: Deployment):
    """Each is tried four times, its lane goes on, the broker's dead letters stay empty; Flower shows what it was."""
    deployment.app = "tests.chaos.sabotaged"  # whose whispers can be poisoned
    worker = deployment.worker(*FAMILIES, name="all")
    children = worker.children()
    flower = FlowerPages(deployment)
    gateway = deployment.gateway()
    with contextlib.ExitStack() as stack:
        stack.enter_context(LineClient(gateway.port)).register("Ear", PASSWORD)  # nobody whispers to themselves
        clients = [stack.enter_context(LineClient(gateway.port)) for _ in POISONS]
        for client, step in zip(clients, POISONS, strict=True):
            client.register(step.capitalize(), PASSWORD)
        poisoned = [
            c.post("whisper", to="Ear", text=f"poison {step} x") for c, step in zip(clients, POISONS, strict=True)
        ]
        after = [
            client.post("whisper", to="Ear", text=f"after {step}")
            for client, step in zip(clients, POISONS, strict=True)
        ]
        with LineClient(gateway.port) as neighbour:
            neighbour.register("Neighbour", PASSWORD)
            assert neighbour.ask("whisper", to="Rule", text="hello")["type"] == "ok"
        for client, guilty, follower in zip(clients, poisoned, after, strict=True):
            assert client.reply(guilty, 40.0).get("code") == "dead_lettered"
            assert client.reply(follower)["type"] in ("ok", "error")
    assert queue_length(deployment, DEAD) == 0
    assert worker.children() == children
    eventually(lambda: len(ended(flower, "FAILURE")) == len(POISONS), "its failures in Flower")
    retries = ended(flower, "RETRY")
    given_up = ended(flower, "FAILURE")
    assert all(task["exception"] for task in (*retries, *given_up)), (retries, given_up)
    assert all("Traceback" in task["traceback"] for task in given_up)
    counted = {type_: flower.counts("flower_events_total", type=type_) for type_ in ("task-retried", "task-failed")}
    assert counted["task-failed"]["chat.whisper"] == len(given_up)
    assert counted["task-retried"]["chat.whisper"] == len(retries) > 0


def ended(flower: FlowerPages, state: str = "") -> list[dict[str, Any]]:
    """What Flower knows of whispers that ended so."""
    told = {"taskname": "chat.whisper", **({"state": state} if state else {})}
    return list(flower.get("tasks", **told).values())


def test_a_second_worker_of_a_name_is_refused_with_a_sentence_and_the_first_goes_on(deployment: Deployment) -> None:
    first = deployment.worker("chat", name="chat1")
    with pytest.raises(AssertionError, match=r"Another worker has the name chat1@\S+: give"):
        deployment.worker("chat", name="chat1")
    assert deployment.procs[-1].wait() == 1
    deployment.procs.pop()
    assert first.alive
    first.kill()
    assert deployment.worker("chat", name="chat1").alive  # the name is free at once, however the first one ended
