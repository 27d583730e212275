"""A RabbitMQ node that tests start, hurt, ask and stop by themselves, without a supervisor."""

import http.client
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from gameserver.errors import Corrupt
from gameserver.local.ports import LOCAL, accepts
from gameserver.local.processes import POLL_S, end, kill, spawn, tethered, wait_for
from gameserver.local.rabbitmq_node import SCRIPTS, USER, PrivateNode, installed
from gameserver.testing.ports import free_ports

UP_S_MAX = 60.0
STOP_S_MAX = 30.0
CTL_S_MAX = 60.0
LOG_TAIL_CHARS = 2_000


class RunningNode(PrivateNode):
    """A private node with its two processes, the server and Erlang's port mapper."""

    _epmd: subprocess.Popen[bytes] | None = None
    _server: subprocess.Popen[bytes] | None = None

    @classmethod
    def somewhere(cls, folder: Path, settings: Mapping[str, str] | None = None, root: str = "") -> "RunningNode":
        """Return a node on free ports, with management, metrics and a password of its own."""
        node, dist, epmd, management, metrics = free_ports(5)
        return cls(
            folder,
            node_port=node,
            dist_port=dist,
            epmd_port=epmd,
            management_port=management,
            metrics_port=metrics,
            password=secrets.token_hex(16),
            settings=settings,
            root=root,
        )

    @property
    def pid(self) -> int:
        """The pid of the started server, to hurt it in tests. Raises ``Corrupt`` when it was not started."""
        if self._server is None:
            raise Corrupt("broker_not_up", "The private RabbitMQ node was not started.")
        return self._server.pid

    def start(self) -> None:
        """Start epmd and the server as children that die with the calling thread; ``wait_until_up`` waits for them.

        Raises ``Corrupt``: ``rabbitmq_missing``, or ``broker_not_up`` when epmd's port can't be had.
        """
        if not self.inside and not installed():
            raise Corrupt("rabbitmq_missing", f"RabbitMQ is not installed: there is no {SCRIPTS}/rabbitmq-server.")
        self.write_files()
        if not accepts(LOCAL, self.epmd_port):
            self._epmd = self._spawn(self.epmd_command(), "epmd.log")
        if not wait_for(lambda: accepts(LOCAL, self.epmd_port), UP_S_MAX):
            self.stop()
            raise Corrupt("broker_not_up", f"Erlang's epmd doesn't answer on port {self.epmd_port}.")
        self._server = self._spawn(self.command(), "output.log")

    def _spawn(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        return spawn(
            tethered(command, "KILL"), environ=self.environment(), log=self.folder / "log" / log, cwd=self.folder
        )

    def wait_until_up(self, timeout_s: float = UP_S_MAX) -> None:
        """Return when clients are served. Raises ``Corrupt`` (code ``broker_not_up``) with the end of the log."""
        wait_for(lambda: self.is_up() or not self.is_running(), timeout_s)
        if self.is_up():
            return
        why = f"was not up after {timeout_s:g} s" if self.is_running() else "ended while it was starting"
        raise Corrupt("broker_not_up", f"RabbitMQ {why}. The end of its logs:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        logs = [path.read_text(errors="replace") for path in (self.folder / "log").glob("*.log")]
        return "\n".join(text[-LOG_TAIL_CHARS:] for text in logs if text)

    def is_running(self) -> bool:
        """Whether the server that ``start`` started is alive."""
        return self._server is not None and self._server.poll() is None

    def stop(self) -> None:
        """Stop the server in order, then epmd; no process is left."""
        if self._server is not None:
            end(self._server, STOP_S_MAX)
        if self._epmd is not None:
            end(self._epmd, POLL_S)
        self._server = self._epmd = None

    def kill(self) -> None:
        """SIGKILL the server, as a power cut would; epmd stays, ``start`` brings the node back."""
        if self._server is not None:
            kill(self._server)

    def restart(self, timeout_s: float = UP_S_MAX) -> None:
        """Stop in order and start again; return when clients are served."""
        self.stop()
        self.start()
        self.wait_until_up(timeout_s)

    def ctl(self, *args: str) -> str:
        """What ``rabbitmqctl`` prints; half a second or more each. Raises ``Corrupt`` (code ``broker_refused``)."""
        return self._tool("rabbitmqctl", *args)

    def diagnose(self, *args: str) -> str:
        """What ``rabbitmq-diagnostics`` prints. Raises ``Corrupt`` (code ``broker_refused``) when a check fails."""
        return self._tool("rabbitmq-diagnostics", *args)

    def _tool(self, tool: str, *args: str) -> str:
        done = subprocess.run(
            [*self.inside, str(SCRIPTS / tool), *args],
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CTL_S_MAX,
            check=False,
        )
        if done.returncode:
            raise Corrupt("broker_refused", f"{tool} {args[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def add_vhost(self, name: str) -> None:
        """Make a virtual host that our user may use: 20 ms through the management API, over a second without it."""
        if self.management_port is not None:
            self._must("PUT", f"/api/vhosts/{quote(name, safe='')}")
            return
        self.ctl("add_vhost", name)
        self.ctl("set_permissions", "--vhost", name, USER, ".*", ".*", ".*")

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with all that is in it; its clients are disconnected."""
        if self.management_port is not None:
            self._must("DELETE", f"/api/vhosts/{quote(name, safe='')}")
            return
        self.ctl("delete_vhost", name)

    def _must(self, method: str, path: str) -> None:
        status = self.api(method, path)
        if not http.HTTPStatus.OK <= status < http.HTTPStatus.MULTIPLE_CHOICES:
            raise Corrupt("broker_refused", f"{method} {path}: the management API answered {status}.")
