import os
import re
import socket

import pytest

from gameserver.config import load
from gameserver.declare import catalogue
from gameserver.errors import Corrupt
from gameserver.local import run as module
from gameserver.local.ports import Ports, gateway_listeners
from gameserver.local.run import broker_in_use, kept_secrets, listeners, private_node, up, where
from gameserver.testing.ports import free_ports
from gateway.web.playground import PLACE

FAMILIES = {"combat": ["combat"], "chat": ["chat"]}


@pytest.fixture
def free(tmp_path):
    """An environment whose every port is free."""
    names = ("BROKER", "MANAGEMENT", "BROKER_METRICS", "DISTRIBUTION", "EPMD", "FLOWER")
    *ports, gateway = free_ports(len(names) + 1)
    taken = {f"GAMESERVER_{name}_PORT": str(port) for name, port in zip(names, ports, strict=True)}
    endpoint = f"tcp:{gateway}:interface=127.0.0.1"
    return {**taken, "GAMESERVER_ENDPOINTS": endpoint, "GAMESERVER_HOME": str(tmp_path)}


@pytest.fixture
def with_rabbitmq(monkeypatch):
    monkeypatch.setattr(module, "installed", lambda: True)


def never(*_):
    raise AssertionError("nothing may be touched before the checks are through")


@pytest.mark.usefixtures("with_rabbitmq")
def test_a_taken_port_is_a_sentence_and_status_1_and_nothing_was_touched(free, capsys):
    with socket.create_server(("127.0.0.1", int(free["GAMESERVER_FLOWER_PORT"]))):
        assert up(load(free), FAMILIES, environ=free, migrate=never) == 1
    said = capsys.readouterr().out
    assert free["GAMESERVER_FLOWER_PORT"] in said
    assert "GAMESERVER_FLOWER_PORT" in said


def test_a_missing_rabbitmq_is_a_sentence_with_the_command_to_type(free, capsys, monkeypatch):
    monkeypatch.setattr(module, "installed", lambda: False)
    assert up(load(free), FAMILIES, environ=free, migrate=never) == 1
    assert "apt-get install -y rabbitmq-server" in capsys.readouterr().out


@pytest.mark.usefixtures("with_rabbitmq")
@pytest.mark.parametrize("odd", ["it's", '"q"', "`x`", "new\nline", os.fsdecode(b"\xff")])
def test_a_folder_in_which_rabbitmq_does_not_come_up_is_a_sentence_at_once(free, capsys, tmp_path, odd):
    given = {**free, "GAMESERVER_HOME": str(tmp_path / odd)}
    assert up(load(given), FAMILIES, environ=given, migrate=never) == 1
    assert "Move this folder" in capsys.readouterr().out


def test_a_given_broker_that_lets_nobody_in_is_named_without_its_password(free, capsys):
    given = {**free, "AMQP_URL": f"amqp://me:hush@127.0.0.1:{free['GAMESERVER_BROKER_PORT']}/%2F"}
    assert up(load(given), FAMILIES, environ=given, migrate=never) == 1
    said = capsys.readouterr().out
    assert "AMQP_URL" in said
    assert free["GAMESERVER_BROKER_PORT"] in said
    assert "hush" not in said


@pytest.mark.usefixtures("with_rabbitmq")
def test_two_deployments_never_run_from_one_folder(free, capsys):
    seen = []

    def migrate(settings):
        seen.append(up(settings, FAMILIES, environ=free, migrate=never))
        raise Corrupt("enough", "Enough seen.")

    assert up(load(free), FAMILIES, environ=free, migrate=migrate) == 1
    assert seen == [1]
    assert "already up" in capsys.readouterr().out


@pytest.mark.usefixtures("with_rabbitmq")
def test_passwords_are_made_once_and_private(free):
    settings = load(free)
    first = broker_in_use(settings, Ports(), free), kept_secrets(settings)
    again = broker_in_use(settings, Ports(), free), kept_secrets(settings)
    assert first[0].amqp_url == again[0].amqp_url
    assert first[1] == again[1]
    files = [settings.secret_key_file, settings.var / "flower.password", settings.var / "rabbitmq" / "password"]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3


@pytest.mark.usefixtures("with_rabbitmq")
def test_every_listener_has_a_setting_that_moves_it(free):
    settings = load(free)
    ports = Ports.from_env(free)
    found = listeners(settings, ports, broker_in_use(settings, ports, free))
    assert len({listener.port for listener in found}) == 7
    assert all(str(listener.port) in free[listener.setting] for listener in found)


def rows(text):
    """What stands in the lines that tell where things are: (what, where)."""
    return [tuple(re.split("  +", line.strip(), maxsplit=1)) for line in text.splitlines() if line.startswith("  ")]


@pytest.mark.parametrize("develops", [False, True])
def test_the_first_thing_that_is_told_is_where_to_play_in_a_browser(free, develops):
    given = {**free, "GAMESERVER_ENDPOINTS": f"telnet:tcp:4023 {free['GAMESERVER_ENDPOINTS']} web:tcp:4080"}
    settings = load(given)
    node = private_node(settings.var / "rabbitmq", Ports.from_env(given))
    broker = module.Broker(amqp_url=node.amqp_url(), management_url=node.management_url(), node=node)
    kept_secrets(settings)
    how = {"broker": broker, "ports": Ports.from_env(given), "environ": given, "join": [], "develops": develops}
    told = rows(where(settings, FAMILIES, **how))
    assert told[0] == ("play in a browser", "http://127.0.0.1:4080/")
    playground = ("playground", f"http://127.0.0.1:4080{PLACE}")
    assert [row for row in told if "playground" in row] == ([playground] if develops else [])


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [("tcp:4080", "http://127.0.0.1:4080"), ("ssl:4443:privateKey=k.pem:certKey=c.pem", "https://127.0.0.1:4443")],
)
def test_a_site_is_told_by_what_browsers_are_to_ask_for(endpoint, address):
    (listener,) = gateway_listeners([f"web:{endpoint}"], "web")
    assert listener.site == address


def test_the_end_of_the_start_tells_where_things_are_and_no_password(free):
    settings = load(free)
    ports = Ports.from_env(free)
    node = private_node(settings.var / "rabbitmq", ports)
    broker = module.Broker(amqp_url=node.amqp_url(), management_url=node.management_url(), node=node)
    secrets = kept_secrets(settings)
    text = where(settings, FAMILIES, broker=broker, ports=ports, environ=free, join=['{"type": "hello"}'])
    for wanted in (f":{ports.flower}", f":{ports.management}", "nc 127.0.0.1", "var/rabbitmq/password", "combat2@%h"):
        assert wanted in text
    assert '{"type": "hello"}' in text
    assert "gameserver play" in text
    assert text.index("gameserver play") < text.index("nc 127.0.0.1")
    assert node.password not in text
    assert secrets.flower_password not in text


def test_the_family_that_is_offered_for_scaling_is_the_one_that_play_is_made_of(free):
    settings = load(free)
    node = private_node(settings.var / "rabbitmq", Ports.from_env(free))
    broker = module.Broker(amqp_url=node.amqp_url(), management_url=node.management_url(), node=node)
    kept_secrets(settings)
    families = {family: [family] for family in catalogue.families()}
    text = where(settings, families, broker=broker, ports=Ports.from_env(free), environ=free, join=[])
    assert "worker -Q movement -n movement2@%h" in text
