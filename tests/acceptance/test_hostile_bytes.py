"""Hostile bytes at every listener: the gateway lives, keeps nothing, and an honest player beside them is not harmed.

The worker has bulkheads, as in ``make run``: strangers hold one child with their passwords, and the other serves those
who play. So each step of the witness is answered ``ok``, and any code counts as harm: ``stale``, ``unavailable`` and
``busy`` say that strangers took the time or the room of those who play, and nobody can stand in anybody's way.
"""

import os
from collections.abc import Iterator

import pytest

from gameserver.local.plan import SHARED_CHILDREN
from gameserver.testing.deployment import Deployment, LiveDeployment
from gameserver.testing.processes import eventually
from tests.acceptance.test_bad_clients import Witness
from tests.deployments import module_deployment as module_deployment
from tests.fuzz.listeners import Attacker

ENDPOINTS = " ".join(f"{kind}tcp:0:interface=127.0.0.1" for kind in ("", "web:", "telnet:"))
SHORT_S = 15.0
LONG_S = float(os.environ.get("FUZZ_SECONDS", "600"))
GROWTH_BYTES_MAX = 60 * 2**20
SEEDS = iter(range(1, 100))


@pytest.fixture(scope="module")
def live(module_deployment: Deployment) -> LiveDeployment:
    beat = module_deployment.beat()
    (worker,) = module_deployment.workers([((), "all", SHARED_CHILDREN)], options=("--bulkheads",))
    gateway = module_deployment.gateway(env={"GAMESERVER_ENDPOINTS": ENDPOINTS, "GAMESERVER_LOGIN_TIMEOUT_S": "5"})
    made = LiveDeployment(module_deployment, gateway, worker, beat)
    made.gateway.says("for telnet")
    made.gateway.says("for browsers")
    return made


@pytest.fixture
def witness(live: LiveDeployment) -> Iterator[Witness]:
    made = Witness(live.gateway.port)
    made.start()
    yield made
    made.stop()


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def attack(live: LiveDeployment, seconds: float) -> Attacker:
    """Attack for so long; then the gateway must be as before. (A first round fills what is kept on purpose.)"""
    gateway = live.gateway
    ports = {"player": gateway.port, "web": gateway.web_port, "telnet": gateway.telnet_port}
    Attacker(ports, next(SEEDS)).play(seconds / 5)
    before = resident_bytes(gateway.pid)
    attacker = Attacker(ports, next(SEEDS))
    attacker.play(seconds)
    assert gateway.alive
    after = resident_bytes(gateway.pid)
    print(f"resident: {before / 2**20:.1f} MB before, {after / 2**20:.1f} MB after; {dict(attacker.counts)}")
    assert after - before < GROWTH_BYTES_MAX
    assert "Traceback" not in gateway.text, gateway.text[gateway.text.index("Traceback") - 500 :][:4_000]
    eventually(lambda: len(sockets_of(gateway.pid)) < 20, "the end of hostile connections", 60)
    return attacker


def sockets_of(pid: int) -> list[str]:
    folder = f"/proc/{pid}/fd"
    names = (os.path.join(folder, name) for name in os.listdir(folder))
    return [target for name in names if (target := _target(name)).startswith("socket:")]


def _target(name: str) -> str:
    try:
        return os.readlink(name)
    except OSError:  # closed meanwhile
        return ""


def test_hostile_bytes_harm_nobody(live: LiveDeployment, witness: Witness) -> None:
    attacker = attack(live, SHORT_S)
    assert min(attacker.counts[kind] for kind in ("lines", "frames", "messages", "pages", "telnet")) > 3


@pytest.mark.long
@pytest.mark.timeout(LONG_S * 2 + 300)
def test_ten_minutes_of_hostile_bytes_harm_nobody(live: LiveDeployment, witness: Witness) -> None:
    attack(live, LONG_S)
    print(f"witness: {witness.answered} steps, the slowest took {witness.slowest_s:.2f} s")
