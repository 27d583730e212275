"""A Docker Engine of the tests' own: Debian's docker.io in namespaces of its own, so that the machine is left alone.

Its network has loopback, the containers' bridges and a way out on which nobody ever answers; its mounts and its
processes are seen by it alone.
With its first process the kernel ends all of it: engine, containers, mounts, bridges, rules of the firewall. What is
left are control groups, which are removed.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gameserver.testing.processes import Proc, eventually
from tests.containers.roots import root

CGROUPS = Path("/sys/fs/cgroup")
# Of the processor: how many processes of somebody else all containers together weigh as much as.
BUILD_SHARES = 1 * 1024
PLAY_SHARES = 4 * 1024
COMMAND_S_MAX = 300

# The root is Debian 13, seen through an overlay: the kept one stays as it is. The folder has its own name in it.
_INIT = """
root=$1 folder=$2
mkdir -p "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mkdir -p ".$folder"
mount --bind "$folder" ".$folder"
ip link set lo up
ip link add uplink type veth peer name nobody
ip link set nobody up
ip link set uplink up
ip addr add 198.51.100.1/24 dev uplink
ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev uplink nud permanent
ip route add default via 198.51.100.2
pivot_root . mnt
umount -l /mnt
exec tini -- sleep infinity
"""


class Engine:
    """An engine. ``folder``: for all that it writes, below a folder that is gone with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        self.cgroup = f"gameserver-{os.getpid()}"
        self._environ = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "DOCKER_HOST": f"unix://{folder}/docker.sock",
        }
        namespaces = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL")
        first = ("sh", "-ec", _INIT, "sh", str(root("engine")), str(folder))
        self._first = Proc("namespaces", (*namespaces, *first), dict(os.environ), folder / "namespaces.log")
        self.pid = eventually(self._settled, lambda: self._first.tail)
        self._make_cgroup()
        self._dockerd: Proc | None = None

    def _settled(self) -> int:
        """The first process in the namespaces, once it has its own root."""
        assert self._first.alive, self._first.tail
        for pid in self._first.children():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().strip() == "tini":
                    return pid
        return 0

    def _make_cgroup(self) -> None:
        """A control group for all of it, where the machine has those of the first version."""
        for controller in CGROUPS.glob("cpu"):
            group = controller / self.cgroup
            group.mkdir()
            (group / "cgroup.procs").write_text(str(self.pid))
        self.weigh(BUILD_SHARES)

    def weigh(self, shares: int) -> None:
        """Give all of it a weight."""
        for group in CGROUPS.glob(f"cpu/{self.cgroup}"):
            (group / "cpu.shares").write_text(str(shares))

    def inside(self, *command: str) -> tuple[str, ...]:
        """The command line that runs a command in the engine's root, network and processes, in the project's folder."""
        into = ("nsenter", "--mount", "--net", "--pid", f"--target={self.pid}", f"--wdns={self.project}")
        environ = [f"{key}={value}" for key, value in self._environ.items()]
        return (*into, "env", "-i", *environ, *command)

    def in_its_network(self, *command: str) -> tuple[str, ...]:
        """The command line that runs a command of this machine in the engine's network."""
        return ("nsenter", "--net", f"--target={self.pid}", *command)

    def run(
        self, *command: str, env: dict[str, str] | None = None, check: bool = True, s_max: int = COMMAND_S_MAX
    ) -> str:
        """Run a command inside to its end. Returns what it printed; fails with that when it ends badly."""
        settings = [f"{key}={value}" for key, value in (env or {}).items()]
        words = self.inside("timeout", str(s_max), "env", *settings, *command)
        done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + (done.stderr if not check else "")

    # The engine itself.

    def start(self) -> None:
        """Start dockerd, and wait until it answers."""
        data, state = self.folder / "data", self.folder / "exec"
        options = (
            f"--host=unix://{self.folder}/docker.sock",
            f"--data-root={data}",
            f"--exec-root={state}",
            f"--pidfile={self.folder}/dockerd.pid",
            f"--cgroup-parent=/{self.cgroup}",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            "--storage-driver=overlay2",
        )
        self._dockerd = Proc("dockerd", self.inside("dockerd", *options), dict(os.environ), self.folder / "dockerd.log")
        eventually(self._answers, lambda: self._tail(), 60)

    def _answers(self) -> bool:
        assert self._dockerd, "started before"
        assert self._dockerd.alive, self._tail()
        return "Server Version" in self.run("docker", "info", check=False)

    def _tail(self) -> str:
        return self._dockerd.tail if self._dockerd else ""

    def stop(self) -> None:
        """Stop dockerd as a system does, and wait for its end."""
        assert self._dockerd
        self.run("sh", "-c", f"kill -TERM $(cat {self.folder}/dockerd.pid)")
        self._dockerd.wait(120)

    def import_root(self, name: str, image: str) -> None:
        """Make an image of a root file system."""
        with subprocess.Popen(("tar", "-C", str(root(name)), "-c", "."), stdout=subprocess.PIPE) as tar:
            done = subprocess.run(
                self.inside("docker", "import", "-", image),
                stdin=tar.stdout,
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 0, done.stderr

    def end(self) -> None:
        """End everything at once, and leave nothing behind."""
        self._first.end()
        if self._dockerd:
            self._dockerd.end()
        for group in CGROUPS.glob(f"*/{self.cgroup}"):
            _remove_cgroup(group)
        eventually(lambda: _removed(self.folder), "an empty folder", 60)


def _remove_cgroup(group: Path) -> None:
    """Remove a control group with those in it, once the kernel has let go of their processes."""
    folders = sorted((folder for folder in group.rglob("*") if folder.is_dir()), key=lambda path: -len(path.parts))
    for folder in (*folders, group):
        eventually(partial(_gone, folder), f"no process in {folder}", 30)


def _gone(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def _removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@contextlib.contextmanager
def an_engine(folder: Path) -> Iterator[Engine]:
    """Give a running engine; with the block everything of it ends."""
    engine = Engine(folder)
    try:
        engine.start()
        yield engine
    finally:
        engine.end()
