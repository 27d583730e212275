"""A private RabbitMQ node: one folder, four ports, no root, and nothing shared with a system-wide broker.

The packaged wrapper switches users, so the scripts behind it are used; they read their whole world from the
environment, which is given here and inherits nothing. Erlang's port mapper (epmd) runs as our child on a port of its
own and the node is forbidden to start one, because an epmd that Erlang starts stays behind for ever.
"""

import base64
import http.client
import re
import secrets
import socket
import string
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from gameserver.errors import Corrupt
from gameserver.local.ports import LOCAL
from gameserver.security import private_files

SCRIPTS = Path("/usr/lib/rabbitmq/bin")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USER = "game"
# "localhost" and not the host's name: a mnesia database belongs to its node's name, and laptops change theirs.
NODE_NAME = "game@localhost"

# The net below the leases: who holds a message for so long loses it. RabbitMQ's own default is half an hour; it advises
# against less than five minutes.
CONSUMER_TIMEOUT_S = 300

HALF = "+SP 50:50"  # percent of the processors: schedulers there are, and schedulers at work

UNFIT = re.compile("['\"`\n\ud800-\udfff]")  # the last: bytes that are no UTF-8, of which no file of settings can tell

API_S_MAX = 10.0

AMQP_HELLO = b"AMQP\x00\x00\x09\x01"
AMQP_METHOD_FRAME = b"\x01"


def installed() -> bool:
    """Return whether RabbitMQ's scripts are on this machine."""
    return (SCRIPTS / "rabbitmq-server").is_file()


def refuse_folder(folder: Path) -> None:
    """Raise ``Corrupt`` ``bad_folder`` for a folder in which RabbitMQ does not come up, because of what it is called.

    It hands the path to a shell as it is, to ask how full the disk is. With RabbitMQ 3.10 seen: one quote or backtick,
    and that shell waits for the second while the node waits for the shell; what stands between two backticks is run.
    """
    if found := UNFIT.search(str(folder.resolve())):
        raise Corrupt(
            "bad_folder",
            f"RabbitMQ can't run in {folder}: it does not take {found[0]!a} in a path. "
            "Move this folder or rename the one at fault, or give the address of another broker in AMQP_URL.",
        )


class PrivateNode:
    """One node: its files, environment and commands, and whether it answers.

    A supervisor runs ``epmd_command()`` and ``command()`` with ``environment()``, after ``write_files()``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        node_port: int,
        dist_port: int,
        epmd_port: int,
        management_port: int | None,
        password: str,
        metrics_port: int | None = None,
        settings: Mapping[str, str] | None = None,
        name: str = NODE_NAME,
        cookie: str = "",
        root: str = "",
    ) -> None:
        """``settings``: further lines of rabbitmq.conf. The nodes of a cluster share ``cookie`` and ``epmd_port``.

        ``root``: a root file system whose RabbitMQ is meant, not this machine's; ``folder`` has the same name in it.
        """
        self.folder = folder.resolve()
        self.node_port = node_port
        self.dist_port = dist_port
        self.epmd_port = epmd_port
        self.management_port = management_port
        self.metrics_port = metrics_port
        self.password = password
        self.settings = dict(settings or {})
        self.name = name
        self._cookie = cookie
        self.inside = ("chroot", root) if root else ()

    # What it is told.

    @property
    def log(self) -> Path:
        """Return the broker's own log file."""
        return self.folder / "log" / "rabbitmq.log"

    def write_files(self) -> None:
        """Write the node's configuration, plugin list and Erlang cookie; its data stay as they are."""
        for name in ("home", "log", "data"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        private_files.write(self.folder / "rabbitmq.conf", self.configuration())
        private_files.write(self.folder / "advanced.config", "[].\n")
        private_files.write(self.folder / "enabled_plugins", f"[{self._plugins()}].\n")
        private_files.read_or_make(self.folder / "home" / ".erlang.cookie", lambda: self._cookie or make_cookie())
        # Erlang refuses a cookie that anyone but its owner can read, and one with a line end.
        (self.folder / "home" / ".erlang.cookie").chmod(0o400)

    def _plugins(self) -> str:
        wanted = {"rabbitmq_management": self.management_port, "rabbitmq_prometheus": self.metrics_port}
        return ",".join(name for name, port in wanted.items() if port is not None)

    def configuration(self) -> str:
        """Return the text of rabbitmq.conf: this machine only, and a user with a password instead of ``guest``."""
        lines = {
            "listeners.tcp.local": f"{LOCAL}:{self.node_port}",
            "default_user": USER,
            "default_pass": self.password,
            "default_user_tags.administrator": "true",
            "loopback_users": "none",
            "disk_free_limit.absolute": "50MB",
            "log.console": "false",
            "log.file": self.log.name,  # in RABBITMQ_LOG_BASE: a path would end at a "#"
            "log.file.level": "info",
        }
        if self.management_port is not None:
            lines["management.tcp.ip"] = LOCAL
            lines["management.tcp.port"] = str(self.management_port)
        if self.metrics_port is not None:
            lines["prometheus.tcp.ip"] = LOCAL
            lines["prometheus.tcp.port"] = str(self.metrics_port)
            lines["prometheus.return_per_object_metrics"] = "true"  # each queue for itself, and alarms with them
        lines["consumer_timeout"] = str(CONSUMER_TIMEOUT_S * 1000)
        return "".join(f"{name} = {value}\n" for name, value in {**lines, **self.settings}.items())

    def environment(self) -> dict[str, str]:
        """Return all that the node and its tools may see; nothing of the system's broker is inherited."""
        return {
            "PATH": PATH,
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_PORT": str(self.node_port),
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "data" / "pid"),
            # /etc/rabbitmq/rabbitmq-env.conf belongs to the system's broker.
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # Makes the script become the Erlang machine instead of waiting for it, so that a signal meets the broker.
            "RUNNING_UNDER_SYSTEMD": "true",
            # It shares the machine: it does not wait busily, and half of the processors are enough. Where one is, its
            # processes need not wake a thread for each other.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {{127,0,0,1}} +sbwt none {HALF}",
            # Erlang makes tables for as many at its start. RabbitMQ's own numbers would take 11 MB more.
            "RABBITMQ_MAX_NUMBER_OF_PROCESSES": "65536",
            "RABBITMQ_MAX_NUMBER_OF_ATOMS": "1048576",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": LOCAL,
            "ERL_AFLAGS": "-start_epmd false",
            # A dump takes long to write and nobody here reads it; the log says what went wrong.
            "ERL_CRASH_DUMP_SECONDS": "0",
        }

    def command(self) -> list[str]:
        """Return the command of the server, in the foreground; SIGTERM stops it in order."""
        return [*self.inside, str(SCRIPTS / "rabbitmq-server")]

    def epmd_command(self) -> list[str]:
        """Return the command of Erlang's port mapper, in the foreground; start it first."""
        return [*self.inside, "epmd", "-address", LOCAL, "-port", str(self.epmd_port)]

    def amqp_url(self, vhost: str = "/") -> str:
        """Return the address for clients, password included."""
        return f"amqp://{USER}:{self.password}@{LOCAL}:{self.node_port}/{quote(vhost, safe='')}"

    def management_url(self) -> str:
        """Return the address of the management API, password included; empty without management."""
        if self.management_port is None:
            return ""
        return f"http://{USER}:{self.password}@{LOCAL}:{self.management_port}"

    def is_up(self) -> bool:
        """Return whether clients are served now: AMQP greets, and the management API knows the user."""
        return self._api_answers() and self._says_hello()

    def _api_answers(self) -> bool:
        return self.management_port is None or self.api("GET", "/api/whoami") == http.HTTPStatus.OK

    def _says_hello(self) -> bool:
        try:
            with socket.create_connection((LOCAL, self.node_port), timeout=API_S_MAX) as connection:
                connection.sendall(AMQP_HELLO)
                return connection.recv(1) == AMQP_METHOD_FRAME
        except OSError:
            return False

    def api(self, method: str, path: str) -> int:
        """Return the status of an API call; 0 when there is no answer."""
        credentials = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        connection = http.client.HTTPConnection(LOCAL, self.management_port, timeout=API_S_MAX)
        try:
            connection.request(method, path, headers={"Authorization": f"Basic {credentials}"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def make_cookie() -> str:
    """Make a secret by which Erlang's nodes know each other."""
    return "".join(secrets.choice(string.ascii_uppercase) for _ in range(32))
