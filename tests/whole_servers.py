"""``gameserver up`` and ``gameserver dev`` as somebody types them: all parts of a server, on ports that are free."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gameserver.local.ports import Ports, variable
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import Proc
from tests.deployments import ROOT

STOP_S_MAX = 60.0
LAST_ROW = "stop everything"  # of what is printed when all is up


@contextmanager
def a_whole_server(
    command: str, folder: Path, *options: str, env: Mapping[str, str], up_s_max: float = 60.0
) -> Iterator[Proc]:
    """Run a server within the block; what it printed says where it is. It keeps all that it writes in the folder."""
    names = [variable(name) for name in Ports.__struct_fields__]
    tcp, web, *others = free_ports(2 + len(names))
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GAMESERVER_", "AMQP_"))},
        **dict(zip(names, map(str, others), strict=True)),
        "PYTHONPATH": str(ROOT),
        "GAMESERVER_HOME": str(folder),
        "GAMESERVER_ENDPOINTS": f"tcp:{tcp}:interface=127.0.0.1 web:tcp:{web}:interface=127.0.0.1",
        **env,
    }
    folder.mkdir(parents=True, exist_ok=True)
    typed = (sys.executable, "-m", "gameserver", command, *options)
    server = Proc(command, typed, environ, folder / f"{command}.output")
    try:
        server.says(LAST_ROW, s_max=up_s_max)
        yield server
    finally:
        server.stop_by(signal.SIGINT)
        server.wait(STOP_S_MAX)
        server.end()
