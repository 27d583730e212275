"""The images and both Compose files of docker/, run by a Docker Engine while bots play and containers come and go.

``make containers`` runs it: as root, on a machine that can make namespaces, some 15 minutes and 4 GB. What FROM and the
files name are stand-ins of Debian's packages (tests/containers/standins): no registry of images is reached.
"""

import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
import yaml

from gameserver.testing.processes import Proc, eventually
from tests.containers.crowd import Bots, Result, pause
from tests.containers.deployment import STANDINS, Deployment, copy_project, images_of
from tests.containers.engine import PLAY_SHARES, Engine, an_engine
from tests.containers.roots import CACHE, require_engine, wheels
from tests.deployments import FAMILIES, ROOT

pytestmark = [pytest.mark.long, pytest.mark.engine, pytest.mark.timeout(1200)]

CUT_S = 20
SETTLE_S = 6
FIGURES = CACHE / "figures.json"
SERVICES = yaml.safe_load((ROOT / "docker" / "compose.production.yml").read_text())["services"]
LASTING = [name for name, what in SERVICES.items() if what.get("restart") != "no" and name != "grafana"]
WORKERS = [f"worker-{family}" for family in sorted(FAMILIES)]
REPLACING_S_MAX = 60 * len(WORKERS)  # four families at a time: new ones to start, old ones that end what they have
# Grafana is in no package of Debian's. A process that may not raise its limits has few descriptors to give.
OVERRIDE = """
services:
  grafana: {profiles: [absent]}
  haproxy:
    command: [haproxy, -f, /usr/local/etc/haproxy/haproxy.cfg, -n, "8000"]
    ulimits: {nofile: 20000}
  gateway1: {ulimits: {nofile: 20000}}
  gateway2: {ulimits: {nofile: 20000}}
"""
# Seconds that a name may take, and a connection to nobody: at most two lookups of a second each.
ASK = """
import socket, sys, time
began = time.monotonic()
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
    print("connected")
except OSError as error:
    print(f"{time.monotonic() - began:.1f} {type(error).__name__}")
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    require_engine()
    with an_engine(tmp_path_factory.mktemp("engine")) as made:
        copy_project(made)
        _make_images(made)
        made.weigh(PLAY_SHARES)
        yield made


def _make_images(engine: Engine) -> None:
    for root in ("bookworm", "trixie"):
        engine.import_root(root, f"standins/{root}")
    context = engine.folder / "standins"
    shutil.copytree(STANDINS, context)
    shutil.copytree(wheels(), context / "python" / "wheels")
    for image, name in images_of(engine.project).items():
        engine.run("docker", "build", "--quiet", "--tag", image, str(context / name))
    engine.run("docker", "compose", "-f", "docker/compose.yml", "build")


@pytest.fixture(scope="module")
def production(engine: Engine) -> Iterator[Deployment]:
    """The production-like deployment, as the documents start it."""
    made = Deployment(engine, "compose.production.yml", OVERRIDE)
    made.secrets()
    made.compose("up", "-d")
    made.wait_until_well()
    try:
        yield made
    finally:
        (CACHE / "production.log").write_text(made.compose("logs", "--timestamps", check=False))
        made.down()


class Story(msgspec.Struct):
    """What was done, how long play stood still each time, and how it ended."""

    stalls: dict[str, int]
    result: Result | None = None

    @property
    def errors(self) -> str:
        """What they were told that was neither yes nor the rules' no."""
        assert self.result
        return self.result.errors


@contextmanager
def play(engine: Engine, name: str) -> Iterator[tuple[Bots, Story]]:
    """Let bots play meanwhile. All that they sent must have been answered in the end."""
    bots, story = Bots(engine, name), Story({})
    try:
        bots.wait_until_all_play()
        yield bots, story
        bots.wait_until_all_play()
        story.result = bots.end()
    finally:
        (CACHE / f"bots-{name}.log").write_text(bots.text)
        bots.kill()
    told = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    FIGURES.write_text(json.dumps({**told, name: msgspec.to_builtins(story)}, indent=1))
    assert story.result
    assert story.result.unanswered == 0, story


@contextmanager
def disturbance(bots: Bots, story: Story, what: str) -> Iterator[None]:
    """Note how long play stood still in the block and shortly after."""
    before = bots.now()
    yield
    bots.wait_until_all_play()
    pause(SETTLE_S)
    story.stalls[what] = bots.stall_s(before)


# The image.


def test_a_line_of_the_readme_rebuilds_nothing_of_others(engine: Engine) -> None:
    readme = engine.project / "README.md"
    readme.write_text(readme.read_text() + "\nOne line more.\n")
    said = engine.run("docker", "build", "--progress=plain", "-f", "docker/Dockerfile", ".", check=False)
    cached = {step: f"#{step} CACHED" in said for step in re.findall(r"^#(\d+) \[", said, re.MULTILINE)}
    (others,) = set(re.findall(r"^#(\d+) \[build .*-r requirements\.txt$", said, re.MULTILINE))
    (ours,) = set(re.findall(r"^#(\d+) \[build .*--no-deps \. ", said, re.MULTILINE))
    assert (cached[others], cached[ours]) == (True, False), said


def test_no_builder_is_handed_secrets(engine: Engine) -> None:
    """Everything that the legacy builder lets in is laid into an image, and looked at."""
    (engine.project / "docker" / "secrets").mkdir(exist_ok=True)
    (engine.project / "docker" / "secrets" / "probe").write_text("secret")
    (engine.project / "all.Dockerfile").write_text("FROM standins/bookworm\nCOPY . /all\n")
    engine.run("docker", "build", "-f", "all.Dockerfile", "-t", "all", ".", env={"DOCKER_BUILDKIT": "0"})
    seen = set(engine.run("docker", "run", "--rm", "all", "find", "/all", "-maxdepth", "1", "-printf", "%f\\n").split())
    assert "gameserver" in seen
    assert not {"docker", "tests", "docs"} & seen
    shutil.rmtree(engine.project / "docker" / "secrets")
    (engine.project / "all.Dockerfile").unlink()


# For developers.


def test_the_deployment_for_developers_plays(engine: Engine) -> None:
    development = Deployment(engine, "compose.yml", "services: {}\n")
    development.secrets()
    development.compose("--profile", "bots", "up", "-d")
    try:
        development.wait_until_well()
        assert _memory_of(development, "rabbitmq") == pytest.approx(0.6 * 2**30, rel=0.01)
        with play(engine, "development") as (bots, story):
            eventually(lambda: "all@" in development.operator("gameserver", "status"), "an answer of the worker", 60)
            with disturbance(bots, story, "worker crashed"):
                development.crash("worker")
            with disturbance(bots, story, "rabbitmq crashed"):
                development.crash("rabbitmq")
                development.wait_until_well()
    finally:
        (CACHE / "development.log").write_text(development.compose("logs", "--timestamps", check=False))
        development.down()
        shutil.rmtree(engine.project / "docker" / "secrets")


def _memory_of(deployment: Deployment, service: str) -> int:
    """How much memory a node takes before it blocks publishers."""
    said = deployment.compose("exec", "-T", service, "rabbitmqctl", "-q", "status", "--formatter", "json")
    return int(json.loads(said)["vm_memory_high_watermark_limit"])


# In production.


def test_the_parts_see_each_other_and_nobody_else(production: Deployment, engine: Engine) -> None:
    assert "pong" in production.operator("celery", "-A", "tasks", "inspect", "ping")
    for node in ("rabbit1", "rabbit2", "rabbit3"):
        assert _memory_of(production, node) == pytest.approx(0.6 * 2**31, rel=0.01)
    network = json.loads(engine.run("docker", "network", "inspect", "gameserver-production_inside"))[0]
    gateway = network["IPAM"]["Config"][0]["Gateway"]
    server = Proc(
        "http", engine.in_its_network(sys.executable, "-m", "http.server", "8099"), {}, engine.folder / "http.log"
    )
    try:
        eventually(
            lambda: "connected" in _asked(production, "flower", "198.51.100.1", 8099), "a way out of `doors`", 30
        )
        for address in (gateway, "198.51.100.1"):
            assert "connected" not in _asked(production, "worker-chat", address, 8099), address
    finally:
        server.end()


def _asked(deployment: Deployment, service: str, host: str, port: int) -> str:
    return deployment.compose("exec", "-T", service, "python", "-c", ASK, host, str(port)).strip()


def test_prometheus_sees_every_process(production: Deployment) -> None:
    """Its volume is its own, whatever the order of the starts; and it has Flower's password."""

    def down() -> list[str]:
        query = "http://127.0.0.1:9090/api/v1/query?query=up"
        said = production.compose("exec", "-T", "prometheus", "wget", "-q", "-O", "-", query)
        found = json.loads(said)["data"]["result"]
        assert len(found) >= len(LASTING) - 4  # all but beats, PostgreSQL and Prometheus itself
        return [str(each["metric"]) for each in found if each["value"][1] != "1"]

    eventually(lambda: not down(), lambda: f"all up, but {down()}", 90)
    production.compose("up", "-d", "--force-recreate", "prometheus")
    production.wait_until_well()


def test_players_come_in_over_ipv4_alone(production: Deployment) -> None:
    """Over IPv6 all would arrive as one address."""
    ports = production.details("haproxy")["NetworkSettings"]["Ports"]
    assert ports["4000/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "4000"}]


def test_every_container_crashes_in_turn(production: Deployment, engine: Engine) -> None:
    with play(engine, "crashes") as (bots, story):
        for service in LASTING:
            with disturbance(bots, story, f"{service} crashed"):
                production.crash(service)
                if service.startswith(("rabbit", "postgres")):
                    production.wait_until_well()


@pytest.mark.parametrize("service", ["worker-movement", "gateway1", "rabbit2"])
def test_a_container_is_cut_off_for_a_while(production: Deployment, engine: Engine, service: str) -> None:
    production.wait_until_well()
    with play(engine, f"cut-{service}") as (bots, story), disturbance(bots, story, f"{service} cut off for {CUT_S} s"):
        cut = production.cut(service)
        pause(CUT_S)
        cut.mend()
        production.wait_until_well()


def test_a_node_that_is_stopped_is_soon_left_alone(production: Deployment, engine: Engine) -> None:
    production.wait_until_well()
    with play(engine, "stopped") as (bots, story):
        with disturbance(bots, story, "rabbit1 stopped"):
            production.compose("stop", "rabbit1")
            for service in ("worker-chat", "flower"):
                seconds, _ = _asked(production, service, "rabbit1", 5672).split()
                assert float(seconds) < 3
        with disturbance(bots, story, "rabbit1 started"):
            production.compose("start", "rabbit1")
            production.wait_until_well()
        with disturbance(bots, story, "haproxy reads its configuration anew"):
            reconnects = bots.now().reconnects
            production.compose("kill", "-s", "SIGUSR2", "haproxy")
        assert bots.now().reconnects == reconnects
        with disturbance(bots, story, "haproxy stopped and started"):
            began_s = time.monotonic()
            production.compose("stop", "haproxy")
            assert time.monotonic() - began_s < 8
            production.compose("start", "haproxy")


def test_it_is_scaled_and_every_up_keeps_that(production: Deployment, engine: Engine) -> None:
    (engine.project / "docker" / ".env").write_text("WORKERS_MOVEMENT=3\n")
    with play(engine, "scaled") as (bots, story):
        with disturbance(bots, story, "movement scaled to 3"):
            production.compose("up", "-d", "--no-recreate")
            production.wait_until_well()
        before = production.containers("worker-movement")
        assert len(before) == 3
        production.compose("up", "-d")
        assert production.containers("worker-movement") == before
    assert "unavailable" not in story.errors


def test_it_is_updated_while_no_family_is_without_a_worker(production: Deployment, engine: Engine) -> None:
    (engine.project / "gameserver" / "released.py").write_text('"""A new release."""\n')
    with (
        production.watched(WORKERS) as fewest,
        play(engine, "updated") as (bots, story),
        disturbance(bots, story, "updated"),
    ):
        production.compose("build")
        production.compose("up", "-d", "migrate", "declare")
        production.compose("wait", "migrate", "declare")
        _replace_workers(production, engine)
        for service in ("beat1", "beat2", "gateway1", "gateway2"):
            production.compose("up", "-d", "--wait", service)
        made = {service: production.containers(service) for service in (*WORKERS, "gateway1", "gateway2", "haproxy")}
        production.compose("up", "-d")
        assert {service: production.containers(service) for service in made} == made
    assert_always_served(fewest)
    for service in (*WORKERS, "gateway1", "beat1"):
        production.compose("exec", "-T", service, "python", "-c", "import gameserver.released")


def assert_always_served(fewest: dict[str, int]) -> None:
    """No family was ever without a healthy worker.

    What players were told says less: where others use up the machine an answer takes longer than the five seconds after
    which gateways believe that nobody serves its family.
    """
    assert set(fewest) == set(WORKERS)
    assert [family for family, count in fewest.items() if not count] == []


def _replace_workers(production: Deployment, engine: Engine) -> None:
    engine.run("docker/replace.sh", *WORKERS, env={"COMPOSE_FILE": production.files}, s_max=REPLACING_S_MAX)


def test_secrets_are_renewed_while_all_play(production: Deployment, engine: Engine) -> None:
    secrets = engine.project / "docker" / "secrets"
    old = {name: (secrets / name).read_text() for name in ("broker_worker", "database")}
    with (
        production.watched(WORKERS) as fewest,
        play(engine, "renewed") as (bots, story),
        disturbance(bots, story, "secrets renewed"),
    ):
        production.secrets("--renew", "broker_worker", "database")
        production.compose(
            "exec", "-T", "rabbit1", "rabbitmqctl", "import_definitions", "/run/secrets/broker_users.json"
        )
        production.compose("exec", "-T", "postgres", "sh", "-c", _alter())
        _replace_workers(production, engine)
    for name, password in old.items():
        assert (secrets / name).read_text() != password
    refused = production.compose(
        "exec", "-T", "rabbit1", "rabbitmqctl", "authenticate_user", "worker", old["broker_worker"], check=False
    )
    assert "failed to authenticate" in refused
    assert_always_served(fewest)


def _alter() -> str:
    """The command of the documents that changes the database's password, as a shell hands it over."""
    (found,) = re.findall(r'exec postgres sh -c "(.*)"$', (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE)
    return str(found).replace('\\"', '"').replace("\\$", "$")


def test_the_engine_is_restarted(production: Deployment, engine: Engine) -> None:
    with play(engine, "engine") as (bots, story), disturbance(bots, story, "engine restarted"):
        engine.stop()
        engine.start()
        production.wait_until_well()


def test_who_looks_at_what_is_stopped_starts_nothing(production: Deployment) -> None:
    production.compose("stop")
    production.compose("run", "--rm", "operator", "gameserver", "events")
    assert production.compose("ps", "--quiet").split() == []


def test_figures_are_told() -> None:
    """The sums of all that was played, for docs/operating.md."""
    told = json.loads(FIGURES.read_text())
    sent = sum(story["result"]["sent"] for story in told.values())
    faults = sum(len(story["stalls"]) for story in told.values())
    print(f"{sent} events over {faults} disturbances, all answered")
    for name, story in told.items():
        print(name, story["stalls"], story["result"])
