"""Flower with this project's settings: who may see it, what it knows of the broker, what it keeps."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flower.urls import handlers
from tornado.web import URLSpec

from gameserver.testing.deployment import Deployment, LiveDeployment, a_deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests.flowers import FlowerPages
from tests.integration.scraped import scrape

OPEN = ("/static/", "/login", "/logout", ".*")  # no secrets: pictures, and doors that lead to a password


def paths() -> list[str]:
    """Every path that Flower serves, with something in the place of what varies."""
    patterns = [each.regex.pattern if isinstance(each, URLSpec) else each[0] for each in handlers]
    return [re.sub(r"\(\.[+*]\)", "x", pattern).rstrip("$?") for pattern in patterns if not pattern.startswith(OPEN)]


@pytest.fixture(scope="module")
def flower(server: LiveDeployment, private_node: RunningNode) -> FlowerPages:
    return FlowerPages(server.deployment, env={"AMQP_MANAGEMENT_URL": private_node.management_url()})


def test_with_a_password_no_page_answers_without_it_and_neither_do_metrics_and_health(flower: FlowerPages):
    assert {"/metrics", "/healthcheck", "/tasks", "/api/workers"} <= set(paths())
    for path in paths():
        for password in ("", "a wrong one"):
            seen = {flower.status(path, method=method, password=password) for method in ("GET", "POST")}
            assert seen <= {401, 405}, (path, seen)
            assert 401 in seen, path
    assert [flower.status(path) for path in ("/metrics", "/healthcheck", "/tasks", "/api/workers")] == [200] * 4
    assert flower.status("/tasks", password="über alles") == 401


UNSAFE: tuple[tuple[str, dict[str, str]], ...] = (
    ("--address=0.0.0.0", {}),
    ("--loglevel=info", {"FLOWER_ADDRESS": "0.0.0.0"}),
    ("--loglevel=info", {"FLOWER_BASIC_AUTH": "operator:"}),
)


def test_open_to_others_it_does_not_start_without_a_password(deployment: Deployment):
    for option, env in UNSAFE:
        deployment.start_flower(free_ports(1)[0], option, env=env)
    assert [proc.wait(60) for proc in deployment.procs] == [1] * len(UNSAFE)
    for proc in deployment.procs:
        assert proc.text.startswith("Flower does not start: "), proc.tail
        assert len(proc.text.splitlines()) == 1


def test_without_a_password_it_is_on_loopback_alone_and_its_buttons_do_nothing(server: LiveDeployment):
    flower = FlowerPages(server.deployment, password="")
    listening = [row.split()[1] for row in Path("/proc/net/tcp").read_text().splitlines() if row.split()[3] == "0A"]
    assert f"0100007F:{flower.port:04X}" in listening
    assert f"00000000:{flower.port:04X}" not in listening
    assert flower.status("/workers", password="") == 200
    assert flower.status("/api/worker/shutdown/all@x", method="POST", password="") == 401
    assert "flower_" in scrape(f"127.0.0.1:{flower.port}")
    flower.proc.terminate()
    assert flower.proc.wait() == 0


def test_the_broker_page_shows_the_queues(flower: FlowerPages):
    page = eventually(lambda: "<td>movement</td>" in (text := flower.text("/broker")) and text, "the queues")
    assert {"chat", "combat", "sessions", "trade", "world"} <= set(re.findall(r"<td>(\w+)</td>", page))


@pytest.fixture
def common_deployment(private_node: RunningNode, tmp_path: Path) -> Iterator[Deployment]:
    """In the broker's default virtual host, whose name makes trouble."""
    with a_deployment(private_node.amqp_url(), tmp_path / "server") as made:
        made.environ["AMQP_MANAGEMENT_URL"] = private_node.management_url()
        yield made


def saved_ns(folder: Path) -> int:
    """When Flower last wrote its state. Files come and go while one looks: it writes new ones and renames them."""
    found = [0]
    for file in {*folder.glob("flower-*")} - {*folder.glob("*.tmp*")}:
        with suppress(FileNotFoundError):
            found.append(file.stat().st_mtime_ns)
    return max(found)


def test_what_it_knew_it_knows_again_after_a_restart_and_after_a_kill(common_deployment: Deployment):
    deployment = common_deployment
    deployment.worker("sessions", "chat", "world", name="some")
    gateway = deployment.gateway()
    flower = FlowerPages(deployment, env={"FLOWER_STATE_SAVE_INTERVAL": "200"})
    with LineClient(gateway.port) as ada:
        ada.register("Ada", "a secret that is long")
        ada.ask("say", text="remember me")
        id_ = f"{ada.session}:{ada.seq}"
    eventually(lambda: flower.get("tasks").get(id_, {}).get("state") == "SUCCESS", "the say")
    eventually(lambda: "<td>chat</td>" in flower.text("/broker"), "its queue")
    told = flower.get(f"task/info/{id_}")
    assert (told["name"], told["args"]) == ("chat.say", "ada say text='remember me'")
    assert told["runtime"] > 0
    flower.proc.terminate()
    assert flower.proc.wait() == 0
    again = FlowerPages(deployment, port=flower.port, env={"FLOWER_STATE_SAVE_INTERVAL": "200"})
    assert again.get(f"task/info/{id_}") == told
    with LineClient(gateway.port) as bob:
        bob.register("Bob", "a secret that is long")
        later = f"{bob.session}:{bob.seq}"
    eventually(lambda: again.get("tasks").get(later, {}).get("state") == "SUCCESS", "the entrance")
    for _ in range(2):  # what the first of these holds is all there when the second has begun
        before_ns = saved_ns(deployment.folder / "var")
        eventually(lambda since_ns=before_ns: saved_ns(deployment.folder / "var") > since_ns, "saved anew")
    again.proc.kill()
    last = FlowerPages(deployment, port=flower.port)
    assert {id_, later} <= set(last.get("tasks"))
