import pytest

from gameserver.declare import catalogue
from gameserver.errors import Corrupt
from gameserver.local.rabbitmq_node import CONSUMER_TIMEOUT_S, refuse_folder
from gameserver.testing.rabbitmq_node import RunningNode


@pytest.fixture
def node(tmp_path):
    return RunningNode(
        tmp_path / "rabbitmq", node_port=1001, dist_port=1002, epmd_port=1003, management_port=1004, password="hush"
    )


def test_the_node_listens_on_this_machine_only(node):
    lines = node.configuration().splitlines()
    assert "listeners.tcp.local = 127.0.0.1:1001" in lines
    assert "management.tcp.ip = 127.0.0.1" in lines
    assert node.epmd_command() == ["epmd", "-address", "127.0.0.1", "-port", "1003"]
    assert "{127,0,0,1}" in node.environment()["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]


def test_the_node_leaves_half_of_the_processors_to_others(node):
    assert "+SP 50:50" in node.environment()["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]


def test_without_a_management_port_there_is_no_management(tmp_path):
    node = RunningNode(tmp_path, node_port=1, dist_port=2, epmd_port=3, management_port=None, password="hush")
    node.write_files()
    assert "management.tcp" not in node.configuration()
    assert "prometheus" not in node.configuration()
    assert (tmp_path / "enabled_plugins").read_text() == "[].\n"
    assert node.management_url() == ""


def test_the_node_may_not_start_an_epmd_that_would_stay_behind(node):
    assert node.environment()["ERL_AFLAGS"] == "-start_epmd false"


def test_the_node_inherits_nothing(node, monkeypatch):
    monkeypatch.setenv("RABBITMQ_CLUSTER", "somebody else's")
    assert "RABBITMQ_CLUSTER" not in node.environment()
    assert node.environment()["RABBITMQ_CONF_ENV_FILE"] == "/dev/null"


def test_the_password_is_in_private_files_and_nowhere_a_process_list_shows(node):
    node.write_files()
    assert (node.folder / "rabbitmq.conf").stat().st_mode & 0o777 == 0o600
    assert node.folder.stat().st_mode & 0o777 == 0o700
    shown = [*node.command(), *node.epmd_command(), *node.environment().values()]
    assert not any("hush" in text for text in shown)


def test_the_cookie_is_made_once_and_erlang_will_accept_its_mode(node):
    node.write_files()
    cookie = node.folder / "home" / ".erlang.cookie"
    first = cookie.read_text()
    node.write_files()
    assert cookie.read_text() == first
    assert cookie.stat().st_mode & 0o777 == 0o400


def test_further_settings_come_after_ours(tmp_path):
    node = RunningNode.somewhere(tmp_path, {"consumer_timeout": "60000"})
    assert node.configuration().endswith("consumer_timeout = 60000\n")


def test_the_net_below_the_leases_hangs_well_below_them():
    assert max(spec.lease_s for spec in catalogue.specs()) * 5 < CONSUMER_TIMEOUT_S


@pytest.mark.parametrize(("vhost", "path"), [("/", "%2F"), ("a/b", "a%2Fb"), ("plain", "plain")])
def test_urls_hold_the_vhost_quoted(node, vhost, path):
    assert node.amqp_url(vhost) == f"amqp://game:hush@127.0.0.1:1001/{path}"


def test_a_node_that_was_not_started_has_no_pid(node):
    assert not node.is_running()
    with pytest.raises(Corrupt, match="not started"):
        _ = node.pid


@pytest.mark.parametrize("name", ["it's", 'a "b"', "`id`", "two\nlines"])
def test_a_folder_in_which_rabbitmq_does_not_come_up_is_refused(tmp_path, name):
    with pytest.raises(Corrupt, match="RabbitMQ can't run in") as refused:
        refuse_folder(tmp_path / name)
    assert refused.value.code == "bad_folder"


@pytest.mark.parametrize("name", ["my games", "a#b", "50%", "café", "$HOME", "a$(b)", "a\\b", "a;()&<>|*?b"])
def test_a_folder_in_which_rabbitmq_was_seen_to_come_up_is_taken(tmp_path, name):
    """As long as rabbitmq.conf names no path: it ends one at "#", asks for a setting at "$(", takes only ASCII."""
    refuse_folder(tmp_path / name)
    node = RunningNode.somewhere(tmp_path / name)
    assert str(tmp_path) not in node.configuration()
