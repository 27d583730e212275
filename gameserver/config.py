"""Settings and limits: the only reader of the environment.

Every value has one name, one default and one environment variable. Values come from the defaults, then from
``var/house.env`` (what ``gameserver up`` wrote for the commands started by hand beside it), then from the environment.
Variables that have been renamed are read under their old names for one version, with a warning.
Limits are checked against each other when they are loaded, so that a contradiction stops a process at its start.
"""

import logging
import math
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote, urlsplit

import msgspec

from gameserver.broker.topology import Queues, QueueType
from gameserver.declare.game_package import HOME, folder, game
from gameserver.errors import Corrupt
from gameserver.limits import Limits, check

log = logging.getLogger(__name__)

# The names that limits had in the version before, and have now. The next version leaves this table out.
LIMITS_RENAMED = {
    "batches_flight_max": "batches_in_flight_max",
    "ask_again_after_s": "republish_after_s",
    "far_window_ms_max": "far_position_ms_max",
    "publish_s_max": "publish_confirm_timeout_s",
    "login_s_max": "login_timeout_s",
    "closing_s_max": "close_timeout_s",
}
# Limits of the version before, or of a commit since, that are derived from another one now. They are read no longer.
LIMITS_DERIVED = dict.fromkeys(
    (
        "batch_gap_ms_max",
        "flush_window_ms_max",
        "view_window_ms_max",
        "whereabouts_window_ms_max",
        "batch_linger_ms_max",
        "reply_flush_ms_max",
        "broadcast_flush_ms_max",
        "position_flush_ms_max",
    ),
    "latency_budget_ms",
)

LogForm = Literal["auto", "text", "json"]


class Address(msgspec.Struct, frozen=True):
    """Where to listen; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(setting: str, text: str) -> Address | None:
    """Read ``host:port``; nothing means nowhere. Raises ``Corrupt`` (code ``bad_setting``) that names the setting."""
    host, _, port = text.rpartition(":")
    if not text:
        return None
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise Corrupt("bad_setting", f"{setting}={text!r} is not host:port (port 0 is any free one).")
    return Address(host.strip("[]"), int(port))


ENDPOINTS = "tcp:4000:interface=127.0.0.1 web:tcp:4080:interface=127.0.0.1 telnet:tcp:4023:interface=127.0.0.1"
GATEWAYS = "GAMESERVER_GATEWAYS"
WEB_SCHEMES = ("ws://", "wss://")
PLAYER = "player"  # the kind of an endpoint where the protocol itself is spoken
ENDPOINT_KINDS = ("web", "telnet")  # the others, as they stand before an endpoint
INTRODUCED = "haproxy:"  # a load balancer says who its clients are (``wire.proxy_header``), as Twisted calls it


class Endpoint(msgspec.Struct, frozen=True):
    """Where a gateway listens: ``text``, as Twisted reads it. ``introduced``: a load balancer stands before it."""

    kind: str
    introduced: bool
    text: str


def read_endpoint(text: str) -> Endpoint:
    """Read one of the strings in ``GAMESERVER_ENDPOINTS``, such as ``web:haproxy:tcp:4080``."""
    kind, _, rest = text.partition(":")
    kind, text = (kind, rest) if kind in ENDPOINT_KINDS else (PLAYER, text)
    return Endpoint(kind, text.startswith(INTRODUCED), text.removeprefix(INTRODUCED))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a process is told from outside, frozen. Durations in seconds, sizes in bytes."""

    home: Path
    amqp_url: str
    amqp_management_url: str
    database_url: str
    endpoints: tuple[str, ...]
    web_origins: frozenset[str]
    gateway_id: str
    gateways: Mapping[str, str]
    web_gateways: Mapping[str, str]
    world_file: Path
    secret_key_file: Path
    queues: Queues
    log_level: str
    log_form: LogForm
    metrics: Address | None
    flower_basic_auth: str
    flower_cookie_secret: str
    dev: bool
    checked: bool
    limits: Limits

    @property
    def var(self) -> Path:
        """Return the folder for everything that is made while running; git ignores it."""
        return self.home / "var"

    @property
    def reload_stamp(self) -> Path:
        """The file that is written when workers are to read the game anew, under ``gameserver dev``."""
        return self.var / "reload"

    @property
    def reload_offered(self) -> Path:
        """The same for the gateway, which gives it the other name when workers may follow."""
        return self.var / "reload.offered"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises ``Corrupt`` (code ``bad_setting``) that names the variable at fault."""
    given = _with_new_names(os.environ if environ is None else environ)
    home = Path(given.get(HOME) or folder()).resolve()
    env = {**_with_new_names(read_env_file(home / "var" / "house.env")), **given}
    return Settings(
        home=home,
        amqp_url=_with_password(env, "AMQP_PASSWORD_FILE", env.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")),
        amqp_management_url=_with_password(env, "AMQP_MANAGEMENT_PASSWORD_FILE", env.get("AMQP_MANAGEMENT_URL", "")),
        database_url=_with_password(
            env, "DATABASE_PASSWORD_FILE", env.get("DATABASE_URL", f"sqlite:///{home / 'var' / 'world.sqlite'}")
        ),
        endpoints=tuple(env.get("GAMESERVER_ENDPOINTS", ENDPOINTS).split()),
        web_origins=frozenset(_words(env.get("GAMESERVER_WEB_ORIGINS", ""))),
        gateway_id=env.get("GAMESERVER_GATEWAY_ID", ""),
        gateways=_gateways(env, web=False),
        web_gateways=_gateways(env, web=True),
        world_file=Path(env.get("GAMESERVER_WORLD", str(game().world))),
        secret_key_file=Path(env.get("GAMESERVER_SECRET_KEY_FILE", str(home / "var" / "secret.key"))),
        queues=_queues(env),
        log_level=env.get("GAMESERVER_LOG_LEVEL", "info").lower(),
        log_form=_log_form(env),
        metrics=address("GAMESERVER_METRICS", env.get("GAMESERVER_METRICS", "127.0.0.1:0")),
        flower_basic_auth=_from_file(env, "FLOWER_BASIC_AUTH_FILE"),
        flower_cookie_secret=_from_file(env, "FLOWER_COOKIE_SECRET_FILE"),
        dev=bool(env.get("GAMESERVER_DEV")),
        checked=bool(env.get("GAMESERVER_CHECKED")),
        limits=_limits(env),
    )


def read_env_file(path: Path) -> dict[str, str]:
    """Return the ``NAME=value`` lines of a file; none where there is no such file."""
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def _with_new_names(env: Mapping[str, str]) -> dict[str, str]:
    """Add each variable that is given under its old name under its new one, and warn of it once per process.

    Both may be given where processes of both versions share an environment. Raises ``Corrupt`` where they differ.
    """
    renamed = {limit_variable(old): limit_variable(new) for old, new in LIMITS_RENAMED.items()}
    found = {old: new for old, new in renamed.items() if old in env}
    for old, new in found.items():
        if env.get(new, env[old]) != env[old]:
            raise Corrupt(
                "bad_setting", f"{old}={env[old]!r} is the old name of {new}={env[new]!r}: set one of them only."
            )
        _warn_of_old_name(old, new)
    for old, new in LIMITS_DERIVED.items():
        if limit_variable(old) in env:
            _warn_of_derived(limit_variable(old), limit_variable(new))
    return {**env, **{new: env[old] for old, new in found.items()}}


@cache
def _warn_of_old_name(old: str, new: str) -> None:
    log.warning("%s is called %s now. The old name is read by this version for the last time.", old, new)


@cache
def _warn_of_derived(old: str, new: str) -> None:
    log.warning("%s is read no longer: it is derived from %s now.", old, new)


def limit_variable(limit: str) -> str:
    """Return the name of the environment variable of a limit."""
    return f"GAMESERVER_{limit.upper()}"


def _with_password(env: Mapping[str, str], variable: str, urls: str) -> str:
    """Fill the password that a file holds into the addresses, where one is named: so no environment shows it."""
    if not env.get(variable):
        return urls
    password = quote(read_secret(variable, Path(env[variable])), safe="")
    return ";".join(_filled_in(variable, url.strip(), password) for url in urls.split(";") if url.strip())


def _filled_in(variable: str, url: str, password: str) -> str:
    parts = urlsplit(url)
    known, _, host = parts.netloc.rpartition("@")
    user = known.partition(":")[0]
    if not user:
        raise Corrupt("bad_setting", f"{variable} is given, but no user in the address {parts.netloc or url}.")
    return parts._replace(netloc=f"{user}:{password}@{host}").geturl()


def _from_file(env: Mapping[str, str], variable: str) -> str:
    return read_secret(variable, Path(env[variable])) if env.get(variable) else ""


def read_secret(variable: str, path: Path) -> str:
    """Read the secret in a file. Raises ``Corrupt`` (code ``bad_setting``) that names the variable at fault."""
    try:
        secret = path.read_text().strip()
    except OSError as error:
        raise Corrupt("bad_setting", f"{variable}: {error}.") from None
    if not secret:
        raise Corrupt("bad_setting", f"{variable}: {path} is empty.")
    return secret


def _queues(env: Mapping[str, str]) -> Queues:
    type_: Any = env.get("GAMESERVER_QUEUE_TYPE", "classic").lower()
    if type_ not in get_args(QueueType):
        raise Corrupt("bad_setting", f"GAMESERVER_QUEUE_TYPE={type_!r} is neither classic nor quorum.")
    return Queues(
        type=type_,
        own=frozenset(_words(env.get("GAMESERVER_OWN_QUEUES", ""))),
        split=dict(_split(word) for word in _words(env.get("GAMESERVER_SPLIT_QUEUES", ""))),
    )


def _gateways(env: Mapping[str, str], *, web: bool) -> dict[str, str]:
    """Read where clients reach each gateway, or (``web``) where browsers do: names and addresses."""
    found = {}
    for word in _words(env.get(GATEWAYS, "")):
        name, _, where = word.partition("=")
        is_web = where.startswith(WEB_SCHEMES)
        if not name or not (is_web or address(GATEWAYS, where)):
            example = "gateway1=10.0.0.1:4000, or gateway1=wss://play1.example/socket for browsers"
            raise Corrupt("bad_setting", f"{GATEWAYS}: {word!r} is not like {example}.")
        if is_web == web:
            found[name] = where
    return found


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
        variable = limit_variable(field.name)
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
    """Return the environment as it was given, for programs that are started with it."""
    return dict(os.environ)
