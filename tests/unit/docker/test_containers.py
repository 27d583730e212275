"""What docker/ says of containers, held against what there is: commands, settings, users, secrets, names, bounds.

No container is started here (tests/containers does that). Compose 2 reads the files, HAProxy its configuration.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from celery.bin.celery import celery as celery_command
from flower.command import flower as flower_command
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

from gameserver import cli, config
from gameserver.broker import permissions
from gameserver.broker.topology import possible_queues
from gameserver.broker.urls import nodes
from gameserver.declare import catalogue, game_package
from gameserver.limits import Limits
from gameserver.local.plan import SHARED_CHILDREN
from gameserver.runtime import healthcheck
from gameserver.security import provisioning
from gateway.service import DRAIN_S
from tasks import app
from tests.balancer import haproxy
from tests.compose import compose
from tests.watching import DOCKER

ROOT = DOCKER.parent
IGNORED = ROOT / ".dockerignore"
UID = 10001
PLAYERS_PORTS = ("4000", "4080", "4023")
FILES = {"development": DOCKER / "compose.yml", "production": DOCKER / "compose.production.yml"}
DEPLOYMENTS = {name: yaml.safe_load(file.read_text()) for name, file in FILES.items()}
SERVICES = [(deployment, name) for deployment in DEPLOYMENTS for name in DEPLOYMENTS[deployment]["services"]]
OURS = [(h, n) for h, n in SERVICES if DEPLOYMENTS[h]["services"][n].get("image") == "gameserver:latest"]
CHOWN = "prometheus-folder"  # the one that is root, for one command
REFRESH = "docker/ does not name every family: run `python docs/refresh.py`"
SHORT = ("migrate", "declare", "operator", CHOWN)  # they end by themselves


def service(deployment: str, name: str) -> dict[str, Any]:
    return DEPLOYMENTS[deployment]["services"][name]


def every(list_: list[tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("deployment", "name"), list_, ids="-".join)


def seconds(text: str) -> int:
    assert text.endswith("s")
    return int(text[:-1])


# Compose itself.


def read_by_compose(deployment: str, **environment: str) -> dict[str, Any]:
    command = [*compose(), "-f", str(FILES[deployment]), "--profile", "*", "config"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_compose_understands_the_file_as_it_stands(deployment: str) -> None:
    assert set(read_by_compose(deployment)["services"]) == set(DEPLOYMENTS[deployment]["services"])


def test_how_many_workers_a_family_has_is_a_setting_that_every_up_keeps() -> None:
    found = read_by_compose("production", WORKERS_MOVEMENT="3")["services"]
    scales = {name: what["scale"] for name, what in found.items() if name.startswith("worker-")}
    assert scales.pop("worker-movement") == 3
    assert set(scales.values()) == {1}


# Commands and settings.


@every(OURS)
def test_every_command_line_exists(deployment: str, name: str) -> None:
    words = [str(word) for word in service(deployment, name)["command"]]
    assert understood(words), words


def understood(words: list[str]) -> bool:
    match words:
        case ["python", "-m", "gateway", *endpoints]:
            return all(serverFromString(reactor, config.read_endpoint(text).text) for text in endpoints)
        case ["gameserver", *arguments]:
            with contextlib.redirect_stderr(io.StringIO()) as refused, contextlib.suppress(SystemExit):
                return callable(cli.parser().parse_args(arguments).command)
            pytest.fail(refused.getvalue())
        case ["celery", "-A", "tasks", "flower", *options]:
            known = {option for parameter in flower_command.params for option in parameter.opts}
            from tornado.options import options as tornado

            names = {option.partition("=")[0] for option in options}
            return all(each in known or each[2:] in tornado for each in names)
        case ["celery", "-A", "tasks", part, *options]:
            command = celery_command.commands[part]
            context = command.context_class(command, info_name=part)
            parser = command.make_parser(context)
            for own in app.user_options[part]:
                own.add_to_parser(parser, context)  # as Celery does when it has read the app
            found, rest, _ = parser.parse_args(options)
            queues = {name for name in found.get("queues", "").split(",") if name}
            assert queues <= set(possible_queues())
            return not rest
        case ["chown", _, _]:
            return True
    return False


def test_a_command_line_that_does_not_exist_would_be_found() -> None:
    for words in (
        ["celery", "-A", "tasks", "worker", "--nosuch"],
        ["gameserver", "migrat"],
        ["python", "-m", "gateway", "tpc:4000"],
    ):
        with pytest.raises(BaseException):  # noqa: B017 - each parser has its own
            assert understood(words)
    assert not understood(["celery", "-A", "tasks", "flower", "--adress=x"])
    assert not understood(["sh", "-c", "true"])


def settings() -> set[str]:
    """Every variable that the engine reads."""
    source = "".join(Path(module.__file__).read_text() for module in (config, game_package))
    read = re.findall(r'"((?:GAMESERVER|AMQP|DATABASE|FLOWER)_[A-Z_]*[A-Z])"', source)
    return {*read, *(f"GAMESERVER_{field.name.upper()}" for field in msgspec.structs.fields(Limits))}


def image_environment() -> dict[str, str]:
    text = (DOCKER / "Dockerfile").read_text()
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", text, flags=re.MULTILINE)
    return dict(word.split("=", 1) for word in shlex.split(block.replace("\\\n", " ")))


@every(OURS)
def test_every_setting_exists_and_is_accepted(deployment: str, name: str) -> None:
    environment = service(deployment, name).get("environment", {})
    assert set(environment) <= settings()
    assert all(isinstance(value, str) for value in environment.values()), "compose wants texts"
    plain = {key: value for key, value in environment.items() if not value.startswith("/run/secrets/")}
    config.load({**image_environment(), **plain})


def test_the_images_settings_exist() -> None:
    ours = {name for name in image_environment() if name.startswith(("GAMESERVER_", "AMQP_", "DATABASE_"))}
    assert ours <= settings()


# Users, secrets.


@every(OURS)
def test_no_password_stands_in_a_file(deployment: str, name: str) -> None:
    environment = service(deployment, name).get("environment", {})
    for key, value in environment.items():
        if key.endswith("_URL"):
            urls = [node.url for node in nodes(value)]
            assert not [url for url in urls if re.search(r"//[^/@]*:[^/@]*@", url)], key
            assert f"{key.removesuffix('_URL')}_PASSWORD_FILE" in environment
        assert "guest" not in value


@every(OURS)
def test_every_process_is_its_own_user_of_the_broker(deployment: str, name: str) -> None:
    environment = service(deployment, name).get("environment", {})
    if "AMQP_URL" not in environment:
        return
    who = {re.match(r"amqp://([^@]+)@", node.url)[1] for node in nodes(environment["AMQP_URL"])}  # type: ignore[index]
    (user,) = who
    command = service(deployment, name)["command"]
    part = healthcheck.part(command) or "operator"
    wanted = environment["GAMESERVER_GATEWAY_ID"] if part == "gateway" else part
    assert user == wanted
    assert user in {each.name for each in permissions.users(["gateway1", "gateway2"])}
    assert environment["AMQP_PASSWORD_FILE"] == f"/run/secrets/{provisioning.password_file(user)}"


@every(SERVICES)
def test_every_secret_that_is_read_is_there_and_no_other(deployment: str, name: str) -> None:
    what = service(deployment, name)
    given = {each if isinstance(each, str) else each["source"] for each in what.get("secrets", ())}
    said = str(what.get("environment", {})) + str(what.get("command", ""))
    named = set(re.findall(r"/run/secrets/([\w.]+)", said))
    read_by_others = {"rabbit": {"broker_users.json", "erlang_cookie"}, "prometh": {"flower_password"}}
    assert given - read_by_others.get(name[:6] if name[:6] == "rabbit" else name[:7], set()) == named
    assert given <= set(DEPLOYMENTS[deployment]["secrets"])


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_every_secret_is_made_and_used(deployment: str, tmp_path: Path) -> None:
    made = set(provisioning.make(tmp_path, ["gateway1", "gateway2"]))
    declared = DEPLOYMENTS[deployment]["secrets"]
    assert set(declared) <= made
    assert all(what == {"file": f"./secrets/{name}"} for name, what in declared.items())
    text = FILES[deployment].read_text().split("\nsecrets:\n")[0]
    assert not [name for name in declared if name not in text]
    if deployment == "production":
        assert set(declared) == made


def test_secrets_are_kept_out_of_git_and_of_images() -> None:
    done = subprocess.run(["git", "check-ignore", "-q", "docker/secrets/database"], cwd=ROOT, check=False)
    assert done.returncode in (0, 128)  # 128: an unpacked archive, and no repository
    rules = [line for line in IGNORED.read_text().splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    assert "!docker" not in rules
    assert not list(ROOT.glob("docker/*.dockerignore")), "the legacy builder does not read it"


# Bounds.


@every(SERVICES)
def test_every_container_is_kept_small(deployment: str, name: str) -> None:
    what = service(deployment, name)
    assert what["read_only"] is True
    assert what["cap_drop"] == ["ALL"]
    assert what["security_opt"] == ["no-new-privileges:true"]
    assert what["user"] == ("0" if name == CHOWN else str(UID))
    assert ("cap_add" in what) == (name == CHOWN)
    assert what["pids_limit"] > 0
    assert ("mem_limit" in what and "cpus" in what) or name == CHOWN
    assert what["restart"] == ("no" if name in SHORT else "unless-stopped")
    assert not what["image"].endswith(":latest") or what["image"] == "gameserver:latest"
    assert re.search(r":[\w.-]+$", what["image"])


@every(SERVICES)
def test_only_players_reach_the_deployment_from_outside(deployment: str, name: str) -> None:
    doors = {f"0.0.0.0:{port}:{port}" for port in PLAYERS_PORTS}
    outside = doors if (deployment, name) == ("production", "haproxy") else set()
    for port in service(deployment, name).get("ports", ()):
        assert port.startswith("127.0.0.1:") or port in outside
    if deployment == "production":
        outside = "doors" in service(deployment, name)["networks"]
        assert outside == bool(service(deployment, name).get("ports"))
        assert DEPLOYMENTS[deployment]["networks"]["inside"] == {
            "internal": True,
            "driver_opts": {"com.docker.network.bridge.inhibit_ipv4": "true"},  # else this machine's ports are reached
        }


@every(OURS)
def test_who_is_stopped_has_time_to_end_what_it_has(deployment: str, name: str) -> None:
    what = service(deployment, name)
    part = healthcheck.part(what["command"])
    if part == "gateway":
        assert seconds(what["stop_grace_period"]) > 3 * DRAIN_S
    if part == "worker":
        assert seconds(what["stop_grace_period"]) > max(spec.lease_s for spec in catalogue.specs())


@every(SERVICES)
def test_who_is_waited_for_is_there_and_can_be_waited_for(deployment: str, name: str) -> None:
    for other, how in service(deployment, name).get("depends_on", {}).items():
        what = service(deployment, other)
        if how["condition"] == "service_completed_successfully":
            assert other in SHORT
        else:
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in what or what["image"] == "gameserver:latest"


# What an engine does with them.


@every(SERVICES)
def test_rabbitmq_knows_what_memory_its_container_has(deployment: str, name: str) -> None:
    what = service(deployment, name)
    if not what["image"].startswith("rabbitmq:"):
        return
    mounted = [volume.split(":")[:2] for volume in what["volumes"]]
    files = [source for source, target in mounted if target.endswith(".conf")]
    said = " ".join((DOCKER / file).read_text() for file in files)  # the later one counts
    *_, memory = re.findall(r"^total_memory_available_override_value = (\d+)GiB$", said, flags=re.MULTILINE)
    assert what["mem_limit"] == f"{memory}g"


@every([(h, n) for h, n in SERVICES if h == "production"])
def test_a_name_of_a_stopped_container_is_soon_given_up(deployment: str, name: str) -> None:
    """Every lookup is bounded below the shortest lease, in which a worker may have to look for another node."""
    options = dict(each.split(":") for each in service(deployment, name)["dns_opt"])
    assert int(options["timeout"]) * int(options["attempts"]) * 2 < min(spec.lease_s for spec in catalogue.specs())


def test_a_balancer_that_is_stopped_waits_for_nobody() -> None:
    haproxy_ = service("production", "haproxy")
    assert haproxy_["stop_signal"] == "SIGTERM"  # its image says SIGUSR1: wait until all have left
    assert seconds(haproxy_["stop_grace_period"]) <= 10


@every(SERVICES)
def test_who_looks_starts_nothing(deployment: str, name: str) -> None:
    what = service(deployment, name)
    if "tools" in what.get("profiles", ()):
        assert "depends_on" not in what


def test_no_volume_is_filled_from_an_image_after_it_was_given_away() -> None:
    for name in (CHOWN, "prometheus"):
        (volume,) = (each for each in service("production", name)["volumes"] if isinstance(each, dict))
        assert (volume["source"], volume["volume"]) == ("prometheus", {"nocopy": True})


# The parts fit together.


def workers(deployment: str) -> list[list[str]]:
    return [
        what["command"] for what in DEPLOYMENTS[deployment]["services"].values() if "worker" in what.get("command", ())
    ]


def test_every_family_has_a_worker_of_its_own_in_production_and_one_for_all_in_development() -> None:
    families = sorted(command[command.index("-Q") + 1] for command in workers("production"))
    assert families == sorted(catalogue.families()), REFRESH
    (only,) = workers("development")
    assert "-Q" not in only  # Celery's word for: from every queue of the settings


def test_workers_have_as_many_children_as_those_that_up_starts_and_one_for_all_families_has_bulkheads() -> None:
    def children(command: list[str]) -> int:
        return int(command[command.index("--concurrency") + 1])

    assert {children(command) for command in workers("production")} == {app.conf.worker_concurrency}
    (only,) = workers("development")
    assert children(only) == SHARED_CHILDREN
    assert "--bulkheads" in only


def test_prometheus_asks_every_process() -> None:
    found = yaml.safe_load((DOCKER / "prometheus" / "containers.yml").read_text())
    asked = {job["job_name"]: set(job["dns_sd_configs"][0]["names"]) for job in found["scrape_configs"]}
    services = DEPLOYMENTS["production"]["services"]
    parts = {name: healthcheck.part([str(w) for w in what.get("command", ())]) for name, what in services.items()}
    for part in ("gateway", "worker", "flower"):
        assert asked[part] == {name for name, of in parts.items() if of == part}
    assert asked["rabbitmq"] == {name for name in services if name.startswith("rabbit")}
    port = image_environment()["GAMESERVER_METRICS"].rpartition(":")[2]
    ours = [job for job in found["scrape_configs"] if job["job_name"] in ("gateway", "worker")]
    assert {str(job["dns_sd_configs"][0]["port"]) for job in ours} == {port}
    assert found["rule_files"] == ["rules.yml", "alerts.yml"]


def test_a_node_that_is_cut_off_is_soon_noticed() -> None:
    """Erlang's default is a minute, in which its queues have no leader that anybody reaches."""
    text = (DOCKER / "rabbitmq" / "cluster.conf").read_text()
    (seconds_,) = re.findall(r"^net_ticktime = (\d+)$", text, flags=re.MULTILINE)
    assert 5 <= int(seconds_) <= 2 * Limits().unavailable_after_s


def test_the_nodes_of_the_cluster_are_the_services() -> None:
    text = (DOCKER / "rabbitmq" / "cluster.conf").read_text()
    named = re.findall(r"classic_config\.nodes\.\d = rabbit@(\w+)$", text, flags=re.MULTILINE)
    rabbits = {
        name: what for name, what in DEPLOYMENTS["production"]["services"].items() if "rabbitmq" in what["image"]
    }
    assert named == list(rabbits) == [what["hostname"] for what in rabbits.values()]


def test_quorum_queues_are_what_everyone_is_told_of_in_production() -> None:
    said = {
        name: what.get("environment", {}).get("GAMESERVER_QUEUE_TYPE")
        for name, what in DEPLOYMENTS["production"]["services"].items()
        if "AMQP_URL" in what.get("environment", {})
    }
    assert set(said.values()) == {"quorum"}


@pytest.mark.parametrize(("deployment", "name"), [(h, n) for h, n in SERVICES], ids=lambda v: v)
def test_every_mounted_file_is_there(deployment: str, name: str) -> None:
    for volume in service(deployment, name).get("volumes", ()):
        if isinstance(volume, dict):
            assert volume["source"] in DEPLOYMENTS[deployment]["volumes"]
            continue
        source, _, mode = volume.split(":") if volume.count(":") == 2 else (*volume.split(":"), "")
        if source.startswith("."):
            assert (DOCKER / source).exists(), volume
            assert mode == "ro"
        else:
            assert source in DEPLOYMENTS[deployment]["volumes"]


def test_gateways_behind_haproxy_are_told_who_their_clients_are() -> None:
    text = (DOCKER / "haproxy" / "haproxy.cfg").read_text()
    servers = dict(re.findall(r"^    server (\w+) (\S+)$", text, flags=re.MULTILINE))
    gateways = {
        name: what["command"]
        for name, what in DEPLOYMENTS["production"]["services"].items()
        if healthcheck.part([str(word) for word in what.get("command", ())]) == "gateway"
    }
    by_browsers = {name.replace("gateway", "web"): f"{name}:4080" for name in gateways}
    by_telnet = {name.replace("gateway", "telnet"): f"{name}:4023" for name in gateways}
    assert servers == {name: f"{name}:4000" for name in gateways} | by_browsers | by_telnet
    listens = ["haproxy:tcp:4000", "web:haproxy:tcp:4080", "telnet:haproxy:tcp:4023"]
    assert all(command[3:] == listens for command in gateways.values())
    assert set(re.findall(r"^    bind :(\d+)$", text, flags=re.MULTILINE)) == {*PLAYERS_PORTS, "8404"}
    assert text.count("default-server send-proxy-v2") == len(PLAYERS_PORTS)
    (timeout,) = re.findall(r"^    timeout client (\d+)s$", text.split("frontend metrics")[0], flags=re.MULTILINE)
    assert int(timeout) > Limits().idle_s_max


def test_haproxy_understands_its_configuration() -> None:
    done = subprocess.run(
        [haproxy(), "-c", "-f", str(DOCKER / "haproxy" / "haproxy.cfg")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# The image.


def test_what_the_image_copies_is_there_and_let_into_the_build() -> None:
    let_in = {line[1:] for line in IGNORED.read_text().splitlines() if line[:1] == "!"}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE)
    names = {name for words in copied for name in words.split()}
    assert names == let_in
    assert all((ROOT / name).exists() for name in names)


def test_every_way_in_is_open_in_development_and_in_the_image() -> None:
    image = (DOCKER / "Dockerfile").read_text()
    gateway = service("development", "gateway")
    assert {port.rpartition(":")[2] for port in gateway["ports"]} == set(PLAYERS_PORTS)
    for listens in (gateway["command"], shlex.split(re.findall(r'GAMESERVER_ENDPOINTS="([^"]+)"', image)[0])):
        assert {word.rpartition(":")[2] for word in listens if "tcp:" in word} == set(PLAYERS_PORTS)
    assert set(PLAYERS_PORTS) < set(re.findall(r"^EXPOSE (.+)$", image, flags=re.MULTILINE)[0].split())


def test_the_image_is_nobodys_but_its_own_users() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    assert re.findall(r"^USER (\w+)$", text, flags=re.MULTILINE) == ["game"]
    (base,) = set(re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE))
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base)


def test_a_change_of_ours_rebuilds_nothing_of_others() -> None:
    """What is installed from requirements is a layer below everything of this project's, README.md among it."""
    lines = (DOCKER / "Dockerfile").read_text().partition("AS build")[2].splitlines()
    (installed,) = (n for n, line in enumerate(lines) if line.startswith("RUN") and "-r requirements.txt" in line)
    copied = [line for line in lines[:installed] if line.startswith("COPY")]
    assert copied == ["COPY constraints.txt ./", "COPY --from=requirements /build/requirements.txt ./"]
    (ours,) = (line for line in lines if line.startswith("RUN") and " . " in line)
    assert "--no-deps" in ours
