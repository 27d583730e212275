"""The image's steps build in a plain Debian, and what they build plays, with nothing to write but /tmp and /app/var."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gameserver.local.ports import LOCAL, accepts
from gameserver.testing.broker import Vhost, fresh_vhost
from gameserver.testing.line_client import LineClient
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import GatewayProc, Proc, eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests.deployments import ROOT
from tests.images import UID, Image, require_debootstrap, stages
from tests.users import Users

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

SERVICES = yaml.safe_load((ROOT / "docker" / "compose.yml").read_text())["services"]
HEALTHY = ("python", "-m", "gameserver.runtime.healthcheck")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    require_debootstrap()
    folder = tmp_path_factory.mktemp("image")
    made = Image(folder)
    made.build()
    yield made
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def vhost(private_node: RunningNode) -> Iterator[Vhost]:
    with fresh_vhost(private_node) as made:
        yield made


class Containers:
    """Processes of the image, each with the command and the settings that docker/compose.yml gives it."""

    def __init__(self, image: Image, users: Users, folder: Path) -> None:
        self.image = image
        self.users = users
        self.procs: list[Proc] = []
        self.var = folder / "var"
        self.var.mkdir()
        os.chown(self.var, UID, UID)
        self.run_folder = folder / "run"
        shutil.copytree(users.folder, self.run_folder / "secrets")
        for file in [self.run_folder, *self.run_folder.rglob("*")]:
            os.chown(file, UID, UID)
        (self.metrics,) = free_ports(1)

    def env(self, service: str, metrics: int = 0) -> dict[str, str]:
        """What the service is told, but for addresses: there is no network of containers here."""
        told: dict[str, str] = dict(SERVICES[service].get("environment", {}))
        if "AMQP_URL" in told:
            user = told["AMQP_URL"].partition("//")[2].partition("@")[0]
            told["AMQP_URL"] = self.users.url(user)
        for name in ("DATABASE_URL", "DATABASE_PASSWORD_FILE", "AMQP_MANAGEMENT_URL", "AMQP_MANAGEMENT_PASSWORD_FILE"):
            told.pop(name, None)
        here = {"GAMESERVER_METRICS": f"{LOCAL}:{metrics or 1}", "GAMESERVER_ENDPOINTS": f"tcp:0:interface={LOCAL}"}
        return {**told, **here}

    def run(self, *command: str, service: str, metrics: int = 0) -> str:
        return self.image.run(command, self.var, self.run_folder, self.env(service, metrics))

    def start(self, service: str, *more: str, kind: type[Proc] = Proc, metrics: int = 0) -> Proc:
        command = [str(word) for word in SERVICES[service]["command"]]
        words = command[:-1] if kind is GatewayProc else [*command, *more]  # the endpoint is the environment's
        proc = self.image.start(kind, service, words, self.var, self.run_folder, self.env(service, metrics))
        self.procs.append(proc)
        return proc


@pytest.fixture
def containers(image: Image, private_node: RunningNode, vhost: Vhost, tmp_path: Path) -> Iterator[Containers]:
    made = Containers(image, Users(private_node, vhost, tmp_path / "made"), tmp_path)
    yield made
    for proc in made.procs:
        print(proc.tail)
        proc.end()
        assert not proc.left()


def test_it_is_small_and_nobodys_but_its_users(image: Image, containers: Containers) -> None:
    assert image.user == "game"
    assert containers.run("id", "-u", service="gateway").strip() == str(UID)
    assert not list(image.root.glob("opt/venv/bin/pip*"))
    assert not list(image.root.glob("opt/venv/**/tests/unit"))
    megabytes = sum(file.lstat().st_size for file in image.root.glob("opt/venv/**/*")) / 1e6
    assert megabytes < 250
    with pytest.raises(AssertionError, match="Read-only file system"):
        containers.run("touch", "/app/mine", service="gateway")


@pytest.mark.parametrize(
    "command",
    ["python -m gateway --help", "gameserver events", "celery -A tasks worker --help", "celery -A tasks flower --help"],
)
def test_every_role_can_be_chosen_by_command(containers: Containers, command: str) -> None:
    assert containers.run(*command.split(), service="gateway")


def test_a_deployment_of_it_plays_and_knows_how_it_is(containers: Containers) -> None:
    containers.run(*SERVICES["declare"]["command"], service="declare")
    containers.run(*SERVICES["migrate"]["command"], service="migrate")
    flower_port, of_gateway, of_worker = free_ports(3)
    containers.start("beat")
    worker = containers.start("worker", metrics=of_worker)
    flower = containers.start("flower", f"--address={LOCAL}", f"--port={flower_port}")
    worker.says(" ready.")
    gateway = containers.start("gateway", kind=GatewayProc, metrics=of_gateway)
    assert isinstance(gateway, GatewayProc)
    gateway.says("connected to the broker")
    with LineClient(gateway.port) as ada:
        ada.register("Ada")
        assert ada.ask("whisper", to="ada", text="psst")["type"] == "ok"
    eventually(lambda: accepts(LOCAL, flower_port) or not flower.alive, "Flower")
    assert flower.alive, flower.tail
    containers.run(*HEALTHY, "gateway", service="gateway", metrics=of_gateway)
    containers.run(*HEALTHY, "worker", service="worker", metrics=of_worker)
    containers.run(*HEALTHY, "beat", service="beat")
    worker.freeze()
    gateway.terminate()
    assert gateway.wait() == 0
    with pytest.raises(AssertionError, match="does not answer"):
        containers.run(*HEALTHY, "gateway", service="gateway", metrics=of_gateway)
    with pytest.raises(AssertionError, match="does not answer"):
        containers.run(*HEALTHY, "worker", service="worker", metrics=of_worker)


def test_the_steps_are_read_as_they_stand() -> None:
    *others, (last, steps) = stages((ROOT / "docker" / "Dockerfile").read_text())
    assert ([name for name, _ in others], last) == (["requirements", "build"], "")
    assert [step.kind for step in steps].count("HEALTHCHECK") == 1
