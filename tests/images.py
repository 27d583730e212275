"""The steps of docker/Dockerfile, carried out in a plain Debian root file system: no container engine is needed.

``FROM`` is a copy of a fresh Debian with its Python in the place of the base image, ``RUN`` a command in a chroot,
``COPY`` a copy. What is built runs as an engine would run it with ``--read-only``: as the image's user, with nothing
to write but /tmp and /app/var. Not so: networks and process ids are this machine's. Mounts live in a namespace that is
gone with the process.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from gameserver.testing.processes import Proc
from tests.deployments import ROOT

DOCKERFILE = ROOT / "docker" / "Dockerfile"
RELEASE = "bookworm"
PYTHON = "3.11"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
UID = 10001
BASE_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"  # the base image's

_IN_BUILD = 'mount --rbind /dev "$1/dev"; mount -t proc proc "$1/proc"; root=$1; shift; exec chroot "$root" "$@"'
_READ_ONLY = """
set -e
root=$1 var=$2 secrets=$3; shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$var" "$root/app/var"
mount --bind -o ro "$secrets" "$root/run"
exec chroot --userspec=10001:10001 "$root" "$@"
"""


class Step(msgspec.Struct, frozen=True):
    """One instruction."""

    kind: str
    text: str


def stages(text: str) -> list[tuple[str, list[Step]]]:
    """The stages of a Dockerfile by their names ("" for the last), each with its steps."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    steps = [Step(*line.split(None, 1)) for line in joined.splitlines() if line.strip()]
    found: list[tuple[str, list[Step]]] = []
    for step in steps:
        if step.kind == "FROM":
            found.append((step.text.partition(" AS ")[2], []))
        else:
            found[-1][1].append(step)
    return found


def require_debootstrap() -> None:
    """Skip where no Debian can be made; in CI fail, where it could be."""
    if os.getuid() != 0:
        pytest.skip("only root can make a root file system")
    if shutil.which("debootstrap", path=os.environ.get("PATH", "") + ":/usr/sbin"):
        return
    if os.environ.get("CI"):
        pytest.fail("debootstrap is missing: docker/system-packages.sh test", pytrace=False)
    pytest.skip("debootstrap is not installed (docker/system-packages.sh test installs it)")


class Image:
    """What comes of the Dockerfile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = folder / "final"
        self.environ: dict[str, str] = {}
        self.user = ""
        self.command: list[str] = []

    def build(self) -> None:
        """Carry out all stages."""
        plain, wheels = self._folder / "plain", self._folder / "wheels"
        include = "--include=python3,python3-venv,ca-certificates"
        _run("debootstrap", "--variant=minbase", include, RELEASE, str(plain), MIRROR)
        (plain / "usr" / "local" / "bin" / "python").symlink_to("/usr/bin/python3")
        download_wheels(wheels)
        for name, steps in stages(DOCKERFILE.read_text()):
            root = self._folder / (name or "final")
            _run("cp", "-a", "--reflink=auto", str(plain), str(root))
            shutil.copytree(wheels, root / "wheels")
            self.environ, self.user = {"PATH": BASE_PATH}, "root"
            where = "/"
            for step in steps:
                where = self._carry_out(step, root, where)
            shutil.rmtree(root / "wheels")

    def _carry_out(self, step: Step, root: Path, where: str) -> str:
        """One step. Returns the working directory after it."""
        match step.kind:
            case "WORKDIR":
                (root / step.text[1:]).mkdir(parents=True, exist_ok=True)
                return step.text
            case "RUN":
                from_wheels = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}
                env = [f"{key}={value}" for key, value in {**self.environ, **from_wheels}.items()]
                inside = ("env", "-i", *env, "sh", "-c", f"cd {where} && {step.text}")
                _run("unshare", "-m", "sh", "-c", _IN_BUILD, "sh", str(root), *inside)
            case "COPY":
                self._copy(step.text.split(), root, where)
            case "ENV":
                self.environ |= dict(word.split("=", 1) for word in step.text.split())
            case "USER":
                self.user = step.text
            case "CMD":
                self.command = msgspec.json.decode(step.text, type=list[str])
            case "VOLUME" | "EXPOSE" | "HEALTHCHECK":
                pass
            case other:
                raise AssertionError(f"{other} is not known here")
        return where

    def _copy(self, words: list[str], root: Path, where: str) -> None:
        source = ROOT
        if words[0].startswith("--from="):
            source = self._folder / words.pop(0).removeprefix("--from=")
        *names, target = words
        to = root / os.path.join(where, target)[1:]
        for name in names:
            what = source / name.lstrip("/")
            if what.is_dir():
                shutil.copytree(what, to, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(what, to)

    def words(self, command: Sequence[str], var: Path, secrets: Path, env: Mapping[str, str]) -> tuple[str, ...]:
        """The command line that runs a command in it; ``secrets`` is seen as /run."""
        environ = [f"{key}={value}" for key, value in {**self.environ, **env}.items()]
        mounted = ("unshare", "-m", "sh", "-c", _READ_ONLY, "sh", str(self.root), str(var), str(secrets))
        return (*mounted, "env", "-C", "/app", "-i", *environ, *command)

    def run(self, command: Sequence[str], var: Path, secrets: Path, env: Mapping[str, str]) -> str:
        """Run a command to its end, which must be a good one. Returns what it printed."""
        return _run(*self.words(command, var, secrets, env))

    def start(
        self, kind: type[Proc], name: str, command: Sequence[str], var: Path, secrets: Path, env: Mapping[str, str]
    ) -> Proc:
        """Start a process that lasts."""
        log = self._folder / f"{name}.log"
        return kind(name, self.words(command, var, secrets, env), dict(os.environ), log)


def download_wheels(folder: Path) -> None:
    """All that pip will ask for, so that the steps themselves need no network."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["postgresql"],
        "wheel",
    ]
    options = ("--python-version", PYTHON, "--only-binary=:all:", "-c", str(ROOT / "constraints.txt"))
    _run(sys.executable, "-m", "pip", "download", "-q", "-d", str(folder), *options, *wanted)


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
