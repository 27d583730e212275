"""Compose 2, which reads the files of docker/: the one that is installed, else Debian 13's, unpacked.

Debian 12's own is 1.29, which refuses a file with a ``name``.
"""

import os
import shutil
import subprocess

import pytest

from tests.deployments import ROOT

CACHE = ROOT / "build" / "compose"
UNPACKED = CACHE / "usr" / "libexec" / "docker" / "cli-plugins" / "docker-compose"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
SOURCE = f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {MIRROR} trixie main\n"


def compose() -> list[str]:
    """The command. Skips the test where there is none; in CI it is fetched."""
    for command in (["docker", "compose"], ["docker-compose"], [str(UNPACKED)]):
        if _is_version_2(command):
            return command
    if not os.environ.get("CI"):
        pytest.skip("Compose 2 is not installed")
    _fetch()
    return [str(UNPACKED)]


def _is_version_2(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.removeprefix("v").startswith("2.")


def _fetch() -> None:
    """Download Debian 13's package with lists of its own, and unpack it: nothing of this machine's is changed."""
    (CACHE / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    source = CACHE / "trixie.list"
    source.write_text(SOURCE)
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={source}", "-o", "Dir::Etc::sourceparts=-"]
    apt += ["-o", f"Dir::State::lists={CACHE / 'lists'}", "-o", "APT::Sandbox::User=root"]
    _run([*apt, "update"])
    _run([*apt, "download", "docker-compose"])
    (package,) = CACHE.glob("docker-compose_*.deb")
    _run(["dpkg-deb", "-x", str(package), str(CACHE)])


def _run(words: list[str]) -> None:
    done = subprocess.run(words, cwd=CACHE, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
