"""Run a plan under supervisord: stage by stage, wait for each part, and leave nothing behind.

supervisord restarts what dies; it is our child in a session of its own, so a Ctrl-C meets us alone and we stop it in
order. Should we be killed, the kernel tells it to stop; should it be killed, the kernel tells its programs to.
"""

import os
import shlex
import signal
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from gameserver.errors import Corrupt
from gameserver.local.forking import fork
from gameserver.local.plan import Program
from gameserver.local.processes import Child, end, spawn, tethered, wait_for
from gameserver.security import private_files

UP_S_MAX = 60.0
# Asking whether a part is ready costs it and us CPU time, of which there is little while everything starts at once.
READY_POLL_S = 0.25
STOP_S_MAX = 90.0
SUPERVISOR_S_MAX = 20.0
# A part that ends this often before it was ever ready won't come up by waiting longer.
DEATHS_MAX = 4
TAIL_LINES = 25
# A Unix socket's path has room for 107 bytes, and supervisord binds a longer name before it moves it into place.
SOCKET_PATH_BYTES_MAX = 90

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CONFIGURATION = "supervisord.conf"
LOG = "supervisord.log"
SCALED = "scaled.conf"  # programs that `gameserver scale` adds; it is read with the other
SOCKET_PATH = "supervisor.path"  # where the control socket is, for commands started beside
SUPERVISED = "SUPERVISED"  # how the variables begin through which supervisord is told what its file can't hold
CWD = f"{SUPERVISED}_CWD"
PYTHON = f"{SUPERVISED}_PYTHON"
PRELOADED_SUPERVISORD = "gameserver.local.preloaded_supervisord"
_PYTHON = (sys.executable,)
RPC_FACTORY = "supervisor.rpcinterface:make_main_rpcinterface"


class Stop(BaseException):
    """A request to stop: Ctrl-C, SIGTERM, or a terminal that closed."""


def say(line: str) -> None:
    """Print a line at once. A reader that is gone must not prevent a stop in order."""
    encoding = sys.stdout.encoding or "ascii"
    with suppress(OSError):
        print(line.encode(encoding, "replace").decode(encoding), flush=True)


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise ``Stop`` within the block at the first SIGINT, SIGTERM or SIGHUP, and ignore all later ones."""
    before = {each: signal.signal(each, _stop) for each in STOP_SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    _ignore_signals()
    raise Stop


def _ignore_signals() -> None:
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)


def run(
    programs: Sequence[Program],
    *,
    folder: Path,
    cwd: Path,
    environ: Mapping[str, str],
    where: str,
    up_s_max: float = UP_S_MAX,
    meanwhile: "Callable[[Supervisor], object] | None" = None,
    preloaded: Sequence[str] = (),
) -> int:
    """Run the programs until ``Stop`` (raised by a signal inside ``stoppable``), then stop them all and raise it again.

    ``where`` is printed once all are up. Returns 1 when a part didn't come up in ``up_s_max`` seconds or supervisord
    died, with the reason printed. Files, logs and the control socket go to ``folder``. ``meanwhile`` is called once all
    are up, and returns when supervisord has ended. ``preloaded``: modules that Python programs share the memory of.
    """
    supervisor = Supervisor(programs, folder=folder, cwd=cwd, environ=environ, preloaded=preloaded)
    try:
        supervisor.start()
        for stage in _stages(programs):
            _bring_up(supervisor, stage, up_s_max)
        say(where)
        (meanwhile or Supervisor.wait)(supervisor)
        say("supervisord ended by itself; stopping what it left. Its log: " + str(supervisor.log))
    except Corrupt as failure:
        say(failure.message)
    finally:
        _ignore_signals()
        say("Stopping ...")
        supervisor.stop()
        say("Stopped: no process is left.")
    return 1


def _stages(programs: Iterable[Program]) -> list[list[Program]]:
    ordered = sorted(programs, key=lambda program: program.stage)
    return [list(stage) for _, stage in groupby(ordered, key=lambda program: program.stage)]


def _bring_up(supervisor: "Supervisor", stage: list[Program], s_max: float) -> None:
    """Start programs together and wait for each. Raises ``Corrupt`` (code ``not_up``) with the end of a log."""
    began = time.monotonic()
    for program in stage:
        supervisor.start_program(program)
    waiting = list(stage)
    deaths: dict[str, set[int]] = {program.name: set() for program in stage}
    while waiting:
        time.sleep(READY_POLL_S)
        states = supervisor.states()
        for program in list(waiting):
            state = states[program.name]
            if state["statename"] == "RUNNING" and program.ready():
                waiting.remove(program)
                say(f"  {_mark()} {program.name:<20} {time.monotonic() - began:5.1f} s")
                continue
            deaths[program.name] |= {state["stop"]} - {0}
            _check_hope(supervisor, program, state, len(deaths[program.name]), time.monotonic() - began, s_max)


def _check_hope(
    supervisor: "Supervisor", program: Program, state: Mapping[str, Any], deaths: int, waited_s: float, s_max: float
) -> None:
    if state["statename"] == "FATAL" or deaths >= DEATHS_MAX:
        why = state["spawnerr"] or "it ended again and again"
    elif waited_s > s_max:
        why = f"it was not ready after {s_max:g} s"
    else:
        return
    log = supervisor.program_log(program.name)
    raise Corrupt("not_up", f"  {program.name} did not come up: {why}. The end of {log}:\n\n{_tail(log)}\n")


def _tail(log: Path) -> str:
    if not log.is_file():
        return "    (empty)"
    return "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


def _mark() -> str:
    return "✓" if (sys.stdout.encoding or "").lower().startswith("utf") else "ok"


class Control:
    """Questions to a supervisord that runs."""

    def __init__(self, socket: Path, log: Path) -> None:
        self._socket = socket
        self._log = log

    @classmethod
    def of(cls, folder: Path) -> "Control":
        """Find the one of a folder. Raises ``Corrupt`` (code ``not_up``) where none runs."""
        try:
            socket = Path((folder / SOCKET_PATH).read_text())
        except FileNotFoundError:
            raise Corrupt("not_up", f"No supervisord runs in {folder}: `gameserver up` starts it.") from None
        return cls(socket, folder / "log" / LOG)

    def ask(self, method: str, *args: Any) -> Any:
        """Call a method of supervisord's. Raises ``Corrupt`` (code ``not_up``)."""
        # A connection for each question: supervisor's transport doesn't recover from one that failed.
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
                return getattr(proxy.supervisor, method)(*args)
        except (OSError, HTTPException, xmlrpc.client.Error) as error:
            raise Corrupt("not_up", f"supervisord doesn't answer ({error}). Its log: {self._log}") from None


class Supervisor:
    """supervisord as a child process: its configuration, its control socket, its start and its end."""

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        folder: Path,
        cwd: Path,
        environ: Mapping[str, str],
        preloaded: Sequence[str] = (),
    ) -> None:
        """``preloaded``: modules that are imported once, for Python programs that are then forks of this process."""
        self._programs = list(programs)
        self._preloaded = preloaded
        self._folder = folder.resolve()
        self._cwd = cwd.resolve()
        self._environ = environ
        self._child: Child | None = None
        self._socket = _socket_path(self._folder)

    @property
    def log(self) -> Path:
        """Return supervisord's own log."""
        return self._folder / "log" / LOG

    def program_log(self, name: str) -> Path:
        """Return the file with what a program printed."""
        return self._folder / "log" / f"{name}.log"

    def start(self) -> None:
        """Start supervisord, with no program yet. Raises ``Corrupt`` (code ``not_up``)."""
        (self._folder / "log").mkdir(parents=True, exist_ok=True)
        private_files.write(self._folder / SCALED, "")
        self._configure()
        self._child = self._begun(self._folder / CONFIGURATION)
        wait_for(lambda: self._answers() or not self.is_running(), SUPERVISOR_S_MAX)
        if not self._answers():
            raise Corrupt("not_up", f"supervisord did not come up. The end of {self.log}:\n\n{_tail(self.log)}\n")

        (self._folder / SOCKET_PATH).write_text(str(self._socket))

    def _configure(self) -> None:
        private_files.write(self._folder / CONFIGURATION, render(self._programs))

    def _begun(self, configuration: Path) -> Child:
        environ = {**self._environ, **free_text(self._programs, self._socket, self._cwd)}
        if self._preloaded:
            ours = (
                sys.executable,
                "-m",
                PRELOADED_SUPERVISORD,
                str(configuration),
                *self._preloaded,
            )
            return fork(tethered(ours), environ=environ, log=self.log, cwd=self._folder)
        command = (sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(configuration))
        return spawn(tethered(command), environ=environ, log=self.log, cwd=self._folder)

    def is_running(self) -> bool:
        """Whether supervisord has not ended."""
        return self._child is not None and self._child.poll() is None

    def _answers(self) -> bool:
        try:
            self._ask("getState")
        except Corrupt:
            return False
        return True

    def start_program(self, program: Program) -> None:
        """Ask for a program to be started; from then on it is restarted when it dies."""
        self._ask("startProcess", f"{_group(program)}:{program.name}", False)

    def add_program(self, program: Program) -> None:
        """Make a late program known; it is not started yet."""
        self._programs.append(program)
        self._configure()
        self._ask("reloadConfig")
        self._ask("addProcessGroup", _group(program))

    def stop_program(self, program: Program) -> None:
        """Stop a program in order; it stays stopped."""
        self._ask("stopProcess", f"{_group(program)}:{program.name}", True)

    def restart_program(self, program: Program) -> None:
        """Stop a program in order and start it again; it may not be ready yet when this returns."""
        self.stop_program(program)
        self.start_program(program)

    def states(self) -> dict[str, dict[str, Any]]:
        """Return what supervisord knows of each program, by name."""
        return {info["name"]: info for info in self._ask("getAllProcessInfo")}

    def _ask(self, method: str, *args: Any) -> Any:
        return Control(self._socket, self.log).ask(method, *args)

    def wait(self) -> None:
        """Return when supervisord has ended."""
        if self._child is not None:
            self._child.wait()

    def stop(self) -> None:
        """Stop the programs in order and supervisord after them; then end whatever they left behind."""
        if self._child is not None:
            end(self._child, STOP_S_MAX)
        (self._folder / SOCKET_PATH).unlink(missing_ok=True)
        for left in self._socket.parent.glob(f"{self._socket.name}*"):
            left.unlink(missing_ok=True)
        if self._socket.parent != self._folder:
            self._socket.parent.rmdir()


def _socket_path(folder: Path) -> Path:
    path = folder / "supervisor.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
        return path
    return Path(tempfile.mkdtemp(prefix="gameserver-")) / path.name


def free_text(programs: Iterable[Program], socket: Path, cwd: Path) -> dict[str, str]:
    """Return what supervisord.conf can't hold, as environment variables of supervisord's.

    Its form knows no quotes: a path with " #" or "%" in it would be cut off or taken for an expansion. What a variable
    holds is taken as it is.
    """
    commands = {_command_variable(program): shlex.join(_started(program)) for program in programs}
    here = {f"{SUPERVISED}_SOCKET": str(socket), CWD: str(cwd), PYTHON: shlex.join(tethered(_PYTHON))}
    return {**here, **commands}


def _started(program: Program) -> tuple[str, ...]:
    given = tuple(f"{name}={value}" for name, value in program.environment.items())
    return tethered(("env", *given, *program.command) if given else program.command)


def _command(program: Program) -> str:
    """The command in the file: a variable that holds it, or, for a late program, the one that holds Python."""
    if not program.late:
        return _expanded(_command_variable(program))
    plain = shlex.join(program.command[len(_PYTHON) :]).replace("%", "%%")
    return f"{_expanded(PYTHON)} {plain}"


def _command_variable(program: Program) -> str:
    return f"{SUPERVISED}_{program.name}"


def _expanded(variable: str) -> str:
    return f"%(ENV_{variable})s"


def render(programs: Iterable[Program]) -> str:
    """Return the text of supervisord.conf. Programs do not start by themselves, but stage by stage on request.

    Its paths are relative to the folder of the supervisord that reads it.
    """
    return "\n".join(
        [
            _section("unix_http_server", {"file": _expanded(f"{SUPERVISED}_SOCKET"), "chmod": "0700"}),
            _section("rpcinterface:supervisor", {"supervisor.rpcinterface_factory": RPC_FACTORY}),
            _section("supervisord", _supervisord()),
            _section("include", {"files": SCALED}),
            *_programs_and_groups(programs),
        ]
    )


def render_late(programs: Iterable[Program]) -> str:
    """Return the text of a file of late programs alone, which supervisord.conf includes."""
    return "\n".join(_programs_and_groups(programs))


def _programs_and_groups(programs: Iterable[Program]) -> list[str]:
    known = list(programs)
    return [
        *(_section(f"program:{program.name}", _program(program)) for program in known),
        *(_section(f"group:{name}", _together(group)) for name, group in _groups(known).items()),
    ]


def _groups(programs: Iterable[Program]) -> dict[str, list[Program]]:
    groups: dict[str, list[Program]] = {}
    for program in sorted(programs, key=lambda program: program.stage):
        groups.setdefault(_group(program), []).append(program)
    return groups


def _group(program: Program) -> str:
    """supervisord can be given a group while it runs, but no program for a group that it has."""
    return late_group(program.name) if program.late else f"stage{program.stage}"


def late_group(name: str) -> str:
    """Return the group of a late program."""
    return f"late-{name}"


def _together(group: Sequence[Program]) -> dict[str, str]:
    """supervisord stops one group after the other, and the programs of a group at once."""
    return {"programs": ",".join(program.name for program in group), "priority": str(group[0].stage)}


def _supervisord() -> dict[str, str]:
    # supervisord drops root only when told to; saying "root" is how it is told that this is meant.
    root = {"user": "root"} if os.getuid() == 0 else {}
    return {
        "nodaemon": "true",
        "silent": "true",
        "logfile": "log/supervisord.log",
        "logfile_maxbytes": "1MB",
        "logfile_backups": "1",
        "pidfile": "supervisord.pid",
        **root,
    }


def _program(program: Program) -> dict[str, str]:
    return {
        "command": _command(program),
        "directory": _expanded(CWD),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": "1",
        # supervisord waits one second longer after each failure; giving up is for the person in front of it.
        "startretries": "1000000",
        "stopsignal": "TERM",
        "stopwaitsecs": str(program.stop_s_max),
        # Only the parent is asked to stop: a Celery worker lets its children finish. Who must be killed goes with all.
        "stopasgroup": "false",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": f"log/{program.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "2",
    }


def _section(name: str, options: Mapping[str, str]) -> str:
    return "\n".join([f"[{name}]", *(f"{key}={value}" for key, value in options.items()), ""])
