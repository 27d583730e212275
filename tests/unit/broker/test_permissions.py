"""Permissions as RabbitMQ reads them: regular expressions that are searched in a name. A real broker: integration."""

import base64
import hashlib
import re

import pytest

from gameserver.broker.gateway_routing import gateway_queue
from gameserver.broker.permissions import User, definitions, hashed, users
from gameserver.broker.topology import EVENTS, Queues, possible_queues, topology
from gameserver.errors import Rejected
from gameserver.limits import Limits

USERS = {user.name: user for user in users(["gateway1", "gateway2"])}


def may(user: str, kind: str, name: str) -> bool:
    return bool(re.search(getattr(USERS[user], kind), name))


@pytest.mark.parametrize("queue", possible_queues())
def test_a_worker_may_take_from_every_queue_of_events_and_nobody_else_but_the_operator(queue: str) -> None:
    assert [name for name in USERS if may(name, "read", queue)] == ["worker", "operator"]


def test_nobody_but_the_operator_may_declare_or_delete_what_all_use() -> None:
    plan = topology(Limits(), Queues(own=frozenset({"chat.say"}), split={"movement": 2}))
    for name in [*(queue.name for queue in plan.queues), *(exchange.name for exchange in plan.exchanges)]:
        assert [user for user in USERS if may(user, "configure", name)] == ["operator"], name


def test_events_are_published_by_gateways_workers_and_beat() -> None:
    assert [name for name in USERS if may(name, "write", EVENTS)] == [
        "gateway1",
        "gateway2",
        "worker",
        "beat",
        "operator",
    ]


@pytest.mark.parametrize("kind", ["configure", "write", "read"])
def test_a_gateways_queue_is_its_own(kind: str) -> None:
    assert [name for name in USERS if may(name, kind, gateway_queue("gateway1-0a1b2c3d"))] == ["gateway1", "operator"]


def test_a_name_is_taken_as_it_is() -> None:
    (made,) = (user for user in users(["g-1"]) if user.name == "g-1")
    assert re.search(made.read, gateway_queue("g-1-0a"))
    assert not re.search(made.read, gateway_queue("g-12-0a"))
    assert not re.search(made.read, "gatewayxg-1-0a")


@pytest.mark.parametrize("name", ["worker", "operator", "", "../x", "a.b"])
def test_a_gateway_can_not_be_called_like_another_user_or_a_path(name: str) -> None:
    with pytest.raises(Rejected, match="No gateway can be called"):
        users([name])


def test_rabbitmq_is_told_hashes_and_no_passwords() -> None:
    user = User(name="ada", configure="^$", write="^$", read="^$", tags=("monitoring",))
    told = definitions([user], {"ada": "a long secret"}, lambda n: b"s" * n, "games")
    assert "a long secret" not in str(told)
    assert told["vhosts"] == [{"name": "games"}]
    assert told["users"][0]["tags"] == ["monitoring"]
    assert told["permissions"] == [{"user": "ada", "vhost": "games", "configure": "^$", "write": "^$", "read": "^$"}]


def test_a_hash_is_salt_and_salted_digest() -> None:
    raw = base64.b64decode(hashed("word", b"salt"))
    assert raw == b"salt" + hashlib.sha256(b"saltword").digest()
