"""Root file systems of Debian, made once and kept in build/containers: for the engine, and for what its images hold.

No registry of images is reached: what FROM and the Compose files ask for is made of these.
"""

import hashlib
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.compose import MIRROR
from tests.deployments import ROOT
from tests.images import download_wheels, require_debootstrap

CACHE = ROOT / "build" / "containers"
MAKING_S_MAX = 900

# Release, what debootstrap brings along, what apt installs then.
_ROOTS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "engine": (
        "trixie",
        (),
        ("docker.io", "docker-cli", "docker-compose", "docker-buildx", "iptables", "iproute2", "tini"),
    ),
    "trixie": (
        "trixie",
        (),
        ("rabbitmq-server", "postgresql", "libnss-wrapper", "haproxy", "prometheus", "wget", "util-linux"),
    ),
    "bookworm": ("bookworm", ("python3", "python3-venv", "ca-certificates"), ()),
}
_INSTALL = """
mount -t proc proc "$1/proc"
root=$1; shift
chroot "$root" env -u TMPDIR DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"
"""


def require_engine() -> None:
    """Skip where no engine can run."""
    require_debootstrap()
    if subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], check=False).returncode:
        pytest.skip("namespaces can't be made here")


def root(name: str) -> Path:
    """One of the roots; it is made where it is missing, which takes a minute or two."""
    folder = CACHE / name
    made = CACHE / f"{name}.made"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        _make(folder, *_ROOTS[name])
        made.touch()
    return folder


def _make(folder: Path, release: str, included: tuple[str, ...], packages: tuple[str, ...]) -> None:
    include = [f"--include={','.join(included)}"] if included else []
    _run("debootstrap", "--variant=minbase", *include, release, str(folder), MIRROR)
    _install(folder, packages)
    shutil.rmtree(folder / "var" / "cache" / "apt" / "archives")
    shutil.rmtree(folder / "var" / "lib" / "apt" / "lists")


def _install(folder: Path, packages: tuple[str, ...]) -> None:
    if packages:
        policy = folder / "usr" / "sbin" / "policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")  # no service is started by its package
        policy.chmod(0o755)
        _run("unshare", "--mount", "sh", "-ec", _INSTALL, "sh", str(folder), *packages)


def wheels() -> Path:
    """All that pip asks for in a build, as of the present requirements."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    ours = project["project"]
    wanted = [project["build-system"], ours["dependencies"], ours["optional-dependencies"]["postgresql"]]
    key = hashlib.sha256(repr(wanted).encode() + (ROOT / "constraints.txt").read_bytes()).hexdigest()[:16]
    folder = CACHE / "wheels"
    made = CACHE / f"wheels-{key}.made"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        download_wheels(folder)
        made.touch()
    return folder


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=MAKING_S_MAX, env=_environ())
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def _environ() -> dict[str, str]:
    return {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
