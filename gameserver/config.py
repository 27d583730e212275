"""Settings and limits: the only reader of the environment.

Every value has one name, one default and one environment variable. Values come from the defaults, then from
``var/house.env`` (what ``gameserver up`` wrote for the commands started by hand beside it), then from the environment.
Limits are checked against each other when they are loaded, so that a contradiction stops a process at its start.
"""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from gameserver.errors import Corrupt
from gameserver.limits import Limits, check
from gameserver.logs import LogForm
from gameserver.targets import Address, address
from gameserver.topology import Queues, QueueType

BUNDLED_WORLD = Path(__file__).parent / "world" / "data" / "bundled.world"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a process is told from outside, frozen. Durations in seconds, sizes in bytes."""

    home: Path
    amqp_url: str
    amqp_management_url: str
    database_url: str
    endpoints: tuple[str, ...]
    gateway_id: str
    world_file: Path
    secret_key_file: Path
    queues: Queues
    log_level: str
    log_form: LogForm
    metrics: Address | None
    limits: Limits

    @property
    def var(self) -> Path:
        """The folder for everything that is made while running; ignored by git."""
        return self.home / "var"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises ``Corrupt`` (code ``bad_setting``) that names the variable at fault."""
    given = dict(os.environ if environ is None else environ)
    home = Path(given.get("GAMESERVER_HOME") or Path(__file__).parent.parent).resolve()
    env = {**read_env_file(home / "var" / "house.env"), **given}
    return Settings(
        home=home,
        amqp_url=env.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//"),
        amqp_management_url=env.get("AMQP_MANAGEMENT_URL", ""),
        database_url=env.get("DATABASE_URL", f"sqlite:///{home / 'var' / 'world.sqlite'}"),
        endpoints=tuple(env.get("GAMESERVER_ENDPOINTS", "tcp:4000:interface=127.0.0.1").split()),
        gateway_id=env.get("GAMESERVER_GATEWAY_ID", ""),
        world_file=Path(env.get("GAMESERVER_WORLD", str(BUNDLED_WORLD))),
        secret_key_file=Path(env.get("GAMESERVER_SECRET_KEY_FILE", str(home / "var" / "secret.key"))),
        queues=_queues(env),
        log_level=env.get("GAMESERVER_LOG_LEVEL", "info").lower(),
        log_form=_log_form(env),
        metrics=address("GAMESERVER_METRICS", env.get("GAMESERVER_METRICS", "127.0.0.1:0")),
        limits=_limits(env),
    )


def read_env_file(path: Path) -> dict[str, str]:
    """The ``NAME=value`` lines of a file; nothing when there is no such file."""
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def broker_urls(amqp_url: str) -> list[str]:
    """The addresses in ``AMQP_URL``: one per node of a cluster, with semicolons between, as Celery has it.

    ``//`` at the end means the virtual host ``/`` to Celery, and nothing to others: it is spelled out.
    """
    urls = [url.strip() for url in amqp_url.split(";") if url.strip()]
    return [url[:-1] + "%2F" if url.endswith("//") else url for url in urls]


def _queues(env: Mapping[str, str]) -> Queues:
    type_: Any = env.get("GAMESERVER_QUEUE_TYPE", "classic").lower()
    if type_ not in get_args(QueueType):
        raise Corrupt("bad_setting", f"GAMESERVER_QUEUE_TYPE={type_!r} is neither classic nor quorum.")
    return Queues(
        type=type_,
        own=frozenset(_words(env.get("GAMESERVER_OWN_QUEUES", ""))),
        split=dict(_split(word) for word in _words(env.get("GAMESERVER_SPLIT_QUEUES", ""))),
    )


def _split(word: str) -> tuple[str, int]:
    queue, _, parts = word.partition(":")
    if not parts.isdecimal():
        raise Corrupt("bad_setting", f"GAMESERVER_SPLIT_QUEUES: {word!r} is not like movement:2.")
    return queue, int(parts)


def _log_form(env: Mapping[str, str]) -> LogForm:
    form: Any = env.get("GAMESERVER_LOG_FORM", "auto").lower()
    if form not in get_args(LogForm):
        raise Corrupt("bad_setting", f"GAMESERVER_LOG_FORM={form!r} is none of auto, text, json.")
    return form  # type: ignore[no-any-return]


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _limits(env: Mapping[str, str]) -> Limits:
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Limits):
        variable = f"GAMESERVER_{field.name.upper()}"
        if variable in env:
            values[field.name] = _number(variable, env[variable], field.type)
    limits = Limits(**values)
    check(limits)
    return limits


def _number(variable: str, text: str, kind: Any) -> float:
    try:
        value: float = kind(text)
    except ValueError:
        raise Corrupt("bad_setting", f"{variable}={text!r} is not a number.") from None
    if not 0 < value < math.inf:
        raise Corrupt("bad_setting", f"{variable}={text!r} must be above zero, and finite.")
    return value


def environment() -> dict[str, str]:
    """The environment as it was given, for programs that are started with it."""
    return dict(os.environ)
