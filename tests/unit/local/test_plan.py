import json
import sys

import pytest

from gameserver.config import load
from gameserver.local import plan
from gameserver.local.forking import module_of
from gameserver.local.plan import Broker, Secrets
from gameserver.local.ports import Ports
from gameserver.local.processes import tethered
from gameserver.local.rabbitmq_node import PrivateNode

FAMILIES = {"combat": ["combat.hit", "combat.flee"], "chat": ["chat"]}
SECRETS = Secrets(flower_password="flower-hush", flower_cookie="cookie-hush")


@pytest.fixture
def settings(tmp_path):
    return load({"GAMESERVER_HOME": str(tmp_path)})


@pytest.fixture
def broker(tmp_path):
    node = PrivateNode(
        tmp_path / "var" / "rabbitmq",
        node_port=1001,
        dist_port=1002,
        epmd_port=1003,
        management_port=1004,
        metrics_port=1005,
        password="broker-hush",
    )
    return Broker(amqp_url=node.amqp_url(), management_url=node.management_url(), node=node)


def planned(settings, broker, **changes):
    given = {"broker": broker, "ports": Ports(), "bots": 20, **changes}
    return {program.name: program for program in plan.programs(settings, FAMILIES, **given)}


def test_the_plan_has_a_worker_for_each_family_and_one_of_everything_else(settings, broker):
    names = list(planned(settings, broker))
    assert names == ["epmd", "rabbitmq", "worker-combat", "worker-chat", "beat", "flower", "gateway", "bots"]


def test_with_a_broker_from_outside_there_is_none_of_ours(settings):
    outside = Broker(amqp_url="amqp://elsewhere", management_url="", node=None)
    assert not {"epmd", "rabbitmq"} & set(planned(settings, outside))


def test_the_broker_starts_first_and_the_bots_last(settings, broker):
    stages = {name: program.stage for name, program in planned(settings, broker).items()}
    assert stages["epmd"] < stages["rabbitmq"] < stages["worker-chat"] < stages["gateway"] < stages["bots"]


def test_a_worker_takes_its_familys_queues_and_no_other(settings, broker):
    command = " ".join(planned(settings, broker)["worker-combat"].command)
    assert command.startswith(f"{sys.executable} -m celery -A tasks worker -Q combat.hit,combat.flee -n combat1@%h")
    assert "--concurrency 1 --pool prefork" in command


def test_a_small_world_has_one_worker_that_takes_all_queues(settings, broker):
    planned_ = planned(settings, broker, one_worker=True)
    assert [name for name in planned_ if name.startswith("worker")] == ["worker-all"]
    command = " ".join(planned_["worker-all"].command)
    assert "-Q combat.hit,combat.flee,chat -n all1@%h --concurrency 2" in command


def test_python_programs_are_such_as_can_be_forks_with_the_settings_of_all(settings, broker):
    forked = {name for name, program in planned(settings, broker).items() if module_of(tethered(program.command))}
    assert forked == {"worker-combat", "worker-chat", "beat", "flower", "gateway", "bots"}
    assert not any(program.environment for name, program in planned(settings, broker).items() if name in forked)


def test_no_bots_means_no_program_for_them(settings, broker):
    assert "bots" not in planned(settings, broker, bots=0)
    assert "20" in planned(settings, broker)["bots"].command


def test_no_secret_is_on_a_command_line(settings, broker):
    words = [word for program in planned(settings, broker).values() for word in program.command]
    assert not any("hush" in word for word in words)


def test_programs_are_told_of_our_broker_and_not_of_the_one_in_the_shell(settings, broker):
    shell = {"AMQP_URL": "", "RABBITMQ_NODENAME": "other", "ERL_EPMD_PORT": "9", "NOTIFY_SOCKET": "/x", "KEPT": "yes"}
    told = plan.environment(shell, settings, broker=broker, secrets=SECRETS)
    assert told["AMQP_URL"] == broker.amqp_url
    assert told["KEPT"] == "yes"
    assert not {"RABBITMQ_NODENAME", "ERL_EPMD_PORT", "NOTIFY_SOCKET"} & set(told)
    assert told["AMQP_MANAGEMENT_URL"] == "http://game:broker-hush@127.0.0.1:1004"
    assert told["FLOWER_BASIC_AUTH"] == "game:flower-hush"


def test_a_flower_password_from_the_shell_is_used(settings, broker):
    told = plan.environment({"FLOWER_BASIC_AUTH": "me:mine"}, settings, broker=broker, secrets=SECRETS)
    assert told["FLOWER_BASIC_AUTH"] == "me:mine"


def test_prometheus_is_told_where_broker_and_flower_answer_while_the_deployment_runs(settings, broker):
    (open_, locked) = (settings.var / "metrics" / name for name in ("rabbitmq.json", "locked/flower.json"))
    with plan.watched(settings, broker, Ports()):
        (rabbitmq,), (flower,) = (json.loads(file.read_text()) for file in (open_, locked))
    assert rabbitmq == {"targets": ["127.0.0.1:1005"], "labels": {"job": "rabbitmq", "process": "rabbitmq"}}
    assert flower == {"targets": ["127.0.0.1:5555"], "labels": {"job": "flower", "process": "flower"}}
    assert not open_.exists()
    assert not locked.exists()


def test_a_command_started_beside_the_deployment_finds_it_and_one_started_later_does_not(settings, broker, tmp_path):
    with plan.known_by_file(settings, broker):
        file = settings.var / "house.env"
        assert file.stat().st_mode & 0o777 == 0o600
        found = load({"GAMESERVER_HOME": str(tmp_path)})
        assert found.amqp_url == broker.amqp_url
        assert found.amqp_management_url == broker.management_url
        assert found.endpoints == settings.endpoints
    assert load({"GAMESERVER_HOME": str(tmp_path)}) == settings
