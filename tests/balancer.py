"""A real HAProxy with the project's configuration, its names and ports replaced by those of a test."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from gameserver.local.ports import LOCAL, accepts
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import Proc, eventually
from tests.deployments import ROOT

CONFIG = ROOT / "docker" / "haproxy" / "haproxy.cfg"


def haproxy() -> str:
    """The program. Without it a test is skipped, and fails in CI."""
    found = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail("HAProxy is missing, and in CI this test must run: docker/system-packages.sh test", pytrace=False)
    pytest.skip("HAProxy is not installed (docker/system-packages.sh test installs it)")


def adapted(
    ports: dict[str, int],
    gateways: Sequence[int],
    certificate: Path | None = None,
    per_address: int | None = None,
    web: Sequence[int] = (),
    telnet: Sequence[int] = (),
) -> str:
    """The configuration for this machine. ``ports``: where it listens, by the port it names."""
    text, count = re.subn(r"^    maxconn \d+$", "    maxconn 100", CONFIG.read_text(), flags=re.MULTILINE)
    assert count == 1, "no maxconn"  # it wants twice as many files, which a test may not open
    for name, ports_of in (("gateway", gateways), ("web", web or gateways), ("telnet", telnet or gateways)):
        for n, port in enumerate(ports_of, start=1):
            text, count = re.subn(rf"^(    server {name}{n}) .*$", rf"\1 {LOCAL}:{port}", text, flags=re.MULTILINE)
            assert count == 1, f"no server {name}{n}"
    if per_address is not None:
        text, count = re.subn(r"(sc0_conn_cur gt) \d+", rf"\1 {per_address}", text)
        assert count == 3, "no limit per address"
    if certificate is not None:
        text, count = re.subn(r"# (bind :4443 ssl crt) \S+", rf"\1 {certificate}", text)
        assert count == 1, "no line for TLS"
    for named, port in ports.items():
        text, count = re.subn(rf"^(    bind) :{named}\b", rf"\1 {LOCAL}:{port}", text, flags=re.MULTILINE)
        assert count == 1, f"nothing is bound to {named}"
    return text


class Balancer:
    """A running HAProxy."""

    def __init__(
        self,
        folder: Path,
        gateways: Sequence[int],
        certificate: Path | None = None,
        per_address: int | None = None,
        web: Sequence[int] = (),
        telnet: Sequence[int] = (),
    ) -> None:
        self.port, self.tls_port, self.metrics_port, self.web_port, self.telnet_port = free_ports(5)
        ports = {"4000": self.port, "4080": self.web_port, "4023": self.telnet_port, "8404": self.metrics_port}
        if certificate is not None:
            ports["4443"] = self.tls_port
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "haproxy.cfg"
        file.write_text(adapted(ports, gateways, certificate, per_address, web, telnet))
        self.proc = Proc("haproxy", (haproxy(), "-db", "-f", str(file)), dict(os.environ), folder / "log")
        eventually(lambda: accepts(LOCAL, self.port) or not self.proc.alive, "HAProxy")
        assert self.proc.alive, self.proc.tail


@contextmanager
def a_balancer(
    folder: Path,
    gateways: Sequence[int],
    certificate: Path | None = None,
    per_address: int | None = None,
    web: Sequence[int] = (),
    telnet: Sequence[int] = (),
) -> Iterator[Balancer]:
    """A running HAProxy for a ``with`` block."""
    made = Balancer(folder, gateways, certificate, per_address, web, telnet)
    try:
        yield made
    finally:
        made.proc.end()
        print(made.proc.tail, file=sys.stderr)
