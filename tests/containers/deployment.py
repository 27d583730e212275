"""A deployment by a Compose file of docker/, started as its documents say, and what may happen to its containers."""

import json
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from gameserver.testing.processes import eventually
from tests.containers.engine import Engine
from tests.deployments import ROOT

HERE = Path(__file__).parent
STANDINS = HERE / "standins"
SECRETS = (
    "docker",
    "run",
    "--rm",
    "-u",
    "0",
    "-v",
    "{}/docker:/docker",
    "gameserver",
    "gameserver",
    "secrets",
    "/docker/secrets",
)
OWNER = ("--owner", "10001")
UP_S_MAX = 240.0
LOOK_EVERY_S = 1.0
_NAME = re.compile(r"^name: (\S+)$", re.MULTILINE)
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "build", "var", "dist", "__pycache__", ".*_cache", "secrets", ".env"
)


def copy_project(engine: Engine) -> None:
    """Copy this checkout into the engine's sight, without what was made in it."""
    shutil.copytree(ROOT, engine.project, ignore=_LEFT_OUT, symlinks=True, dirs_exist_ok=True)


class Container(msgspec.Struct, frozen=True):
    """What the engine says of one container."""

    id: str
    pid: int
    status: str
    health: str
    restarts: int

    @property
    def well(self) -> bool:
        """Whether it runs, and is healthy where that is looked at."""
        return self.status == "running" and self.health in ("", "healthy")


class Deployment:
    """The containers of one Compose file. ``override``: what the tests have to change of it, as Compose merges it."""

    def __init__(self, engine: Engine, file: str, override: str) -> None:
        self.engine = engine
        (engine.project / "docker" / "tests.yml").write_text(override)
        self.files = f"docker/{file}:docker/tests.yml"
        (self.name,) = _NAME.findall((engine.project / "docker" / file).read_text())

    def compose(self, *words: str, check: bool = True, **env: str) -> str:
        """``docker compose`` and these words."""
        return self.engine.run("docker", "compose", *words, env={"COMPOSE_FILE": self.files, **env}, check=check)

    def operator(self, *command: str) -> str:
        """A command in the service that is there for it."""
        return self.compose("run", "--rm", "operator", *command)

    def secrets(self, *more: str) -> str:
        """Make secrets, as the documents say."""
        words = [word.format(self.engine.project) for word in SECRETS]
        return self.engine.run(*words, *OWNER, *more)

    def containers(self, service: str) -> list[Container]:
        """The containers of a service, the oldest first."""
        return [_container(found) for found in self._inspect(f"com.docker.compose.service={service}")]

    def _inspect(self, label: str = "com.docker.compose.oneoff=False") -> list[dict[str, Any]]:
        """All containers of the deployment with a label. (Compose says the same, and takes ten times as long.)"""
        labels = ("--filter", f"label=com.docker.compose.project={self.name}", "--filter", f"label={label}")
        ids = self.engine.run("docker", "ps", "--all", "--quiet", *labels).split()
        found: list[dict[str, Any]] = json.loads(self.engine.run("docker", "inspect", *ids)) if ids else []
        return sorted(found, key=lambda each: str(each["Created"]))

    def details(self, service: str) -> dict[str, Any]:
        """All that the engine says of its only container."""
        (found,) = self._inspect(f"com.docker.compose.service={service}")
        return found

    def one(self, service: str) -> Container:
        """Its only container."""
        (found,) = self.containers(service)
        return found

    def all_well(self) -> bool:
        """Whether every container that is to last runs and is healthy."""
        time.sleep(LOOK_EVERY_S)
        return not self.unwell()

    def unwell(self) -> dict[str, str]:
        """Those that are not, with why."""
        lasting = [each for each in self._inspect() if each["HostConfig"]["RestartPolicy"]["Name"] != "no"]
        bad = [each for each in lasting if not _container(each).well]
        return {each["Config"]["Labels"]["com.docker.compose.service"]: str(_container(each)) for each in bad}

    def wait_until_well(self) -> None:
        """Wait until all containers that are to last are healthy."""
        eventually(self.all_well, lambda: f"all well, but {self.unwell()}", UP_S_MAX)

    @contextmanager
    def watched(self, services: Collection[str]) -> Iterator[dict[str, int]]:
        """Look all the while how many containers of each service are well, and note the fewest."""
        over, fewest = threading.Event(), dict[str, int]()

        def look() -> None:
            while not over.wait(LOOK_EVERY_S):
                well = Counter(self._healthy())
                fewest.update({name: min(well[name], fewest.get(name, well[name])) for name in services})

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield fewest
        finally:
            over.set()
            looking.join()

    def _healthy(self) -> list[str]:
        """The services of all healthy containers, in one question: they come and go meanwhile."""
        of_ours = f"label=com.docker.compose.project={self.name}"
        shown = '{{.Label "com.docker.compose.service"}}'
        return self.engine.run(
            "docker", "ps", "--filter", of_ours, "--filter", "health=healthy", "--format", shown
        ).split()

    def logs(self, service: str) -> str:
        """What a service has printed."""
        return self.compose("logs", "--no-log-prefix", service)

    # What may happen.

    def crash(self, service: str) -> None:
        """Kill the first process of a container. (`docker kill` counts as stopped by hand, and is not restarted.)"""
        container = self.one(service)
        self.engine.run("sh", "-c", f"kill -KILL {container.pid}")  # Debian 13's smallest root has no program for it
        eventually(lambda: self.one(service).restarts > container.restarts, f"a restart of {service}", 60)

    def network_of(self, service: str) -> str:
        """The network by which it reaches the others."""
        names: list[str] = list(self.details(service)["NetworkSettings"]["Networks"])
        return next(name for name in names if name.endswith(("_inside", "_default")))

    def cut(self, service: str) -> "Cut":
        """Take its container off the network."""
        container, network = self.one(service), self.network_of(service)
        self.engine.run("docker", "network", "disconnect", network, container.id)
        return Cut(self.engine, network, container.id, (service, container.id[:12]))

    def down(self) -> None:
        """Stop and forget it, its volumes too."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")


class Cut(msgspec.Struct, frozen=True):
    """A container that is off its network."""

    engine: Engine
    network: str
    container: str
    aliases: Collection[str]

    def mend(self) -> None:
        """Put it back, under the names that Compose gave it."""
        names = [word for alias in self.aliases for word in ("--alias", alias)]
        self.engine.run("docker", "network", "connect", *names, self.network, self.container)


def _container(found: dict[str, Any]) -> Container:
    state = found["State"]
    health = state.get("Health", {}).get("Status", "")
    return Container(found["Id"], state["Pid"], state["Status"], health, found["RestartCount"])


def images_of(project: Path) -> dict[str, str]:
    """The images that the files of docker/ name but do not build, each with the stand-in for it."""
    text = "".join((project / "docker" / name).read_text() for name in ("compose.yml", "compose.production.yml"))
    named = {
        *re.findall(r"^ +image: (\S+)$", text, re.MULTILINE),
        *re.findall(r"^FROM (\S+)", _dockerfile(project), re.MULTILINE),
    }
    standins = {each.name for each in STANDINS.iterdir()}
    found = {image: re.split(r"[/:]", image)[-2] for image in named}
    return {image: name for image, name in found.items() if name in standins}


def _dockerfile(project: Path) -> str:
    return (project / "docker" / "Dockerfile").read_text()
