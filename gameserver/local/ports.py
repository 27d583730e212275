"""The ports that a server on one machine listens on, and whether they are free.

Defaults stand beside the usual ones (5672, 15672, 25672, 4369), so that a system-wide broker is never in the way nor
ever spoken to. Every port has an environment variable, and a taken port is reported with the variable that moves it.
"""

import socket
from collections.abc import Iterable, Mapping

import msgspec

from gameserver.config import Endpoint, read_endpoint
from gameserver.errors import Corrupt

LOCAL = "127.0.0.1"


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """The ports of ``gameserver up``, but for the gateway's, which stand in ``GAMESERVER_ENDPOINTS``."""

    broker: int = 5682
    management: int = 15682
    broker_metrics: int = 15702
    distribution: int = 25682
    epmd: int = 4379
    flower: int = 5555

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Ports":
        """Return the defaults, overridden by ``GAMESERVER_<NAME>_PORT``. Raises ``Corrupt`` (code ``bad_setting``)."""
        given = {name: variable(name) for name in cls.__struct_fields__ if variable(name) in environ}
        return cls(**{name: _port(setting, environ[setting]) for name, setting in given.items()})


class Listener(msgspec.Struct, frozen=True):
    """Something that will listen: a name for people, its address, and the setting that moves it.

    ``kind``: what is spoken there, where it is a gateway's; ``secure``: over TLS.
    """

    name: str
    host: str
    port: int
    setting: str
    kind: str = ""
    secure: bool = False

    @property
    def site(self) -> str:
        """Where a browser finds it."""
        return f"http{'s' if self.secure else ''}://{self.host}:{self.port}"


def variable(name: str) -> str:
    """Name the environment variable of one of the ``Ports``."""
    return f"GAMESERVER_{name.upper()}_PORT"


def _port(setting: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise Corrupt("bad_setting", f"{setting}={text!r} is not a port number (1 to 65535).")
    return int(text)


def gateway_listeners(endpoints: Iterable[str], kind: str = "") -> list[Listener]:
    """List the addresses in descriptions of endpoints such as ``tcp:4000:interface=127.0.0.1``; of one kind, or all."""
    found = [listener for endpoint in endpoints if (listener := _gateway_listener(read_endpoint(endpoint)))]
    return [listener for listener in found if kind in ("", listener.kind)]


def _gateway_listener(endpoint: Endpoint) -> Listener | None:
    # In a description "\:" is a colon that doesn't separate, as in an IPv6 interface.
    parts = [part.replace("\0", ":") for part in endpoint.text.replace("\\:", "\0").split(":")]
    options = dict(part.split("=", 1) for part in parts if "=" in part)
    plain = [part for part in parts if "=" not in part]
    port = options.get("port") or next((part for part in plain if part.isdecimal()), None)
    if port is None or not port.isdecimal():
        return None
    host = options.get("interface", "").strip("[]")
    host = host if host not in ("", "0.0.0.0", "::") else LOCAL  # noqa: S104
    return Listener("gateway", host, int(port), "GAMESERVER_ENDPOINTS", endpoint.kind, "ssl" in plain)


def check_free(listeners: Iterable[Listener]) -> None:
    """Check that all can listen. Raises ``Corrupt`` (``port_taken``) that names each taken port and its setting."""
    taken = [listener for listener in listeners if not is_free(listener.host, listener.port)]
    if taken:
        raise Corrupt("port_taken", "\n".join(_taken(listener) for listener in taken))


def _taken(listener: Listener) -> str:
    return (
        f"Port {listener.port} on {listener.host} ({listener.name}) can't be had: another program uses it. "
        f"Stop that program, or choose another port with {listener.setting}."
    )


def is_free(host: str, port: int) -> bool:
    """Return whether a process could listen there now."""
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def accepts(host: str, port: int) -> bool:
    """Return whether a process listens there now."""
    with socket.socket(_family(host)) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
