"""The workloads beside walking, each with a server of its own and what must be looked at in it."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from gameserver.security.passwords import Argon2Passwords
from tests.benchmarks import load, machine, workloads, zones
from tests.benchmarks.point import Point, latency, measure
from tests.benchmarks.servers import Running, Wanted, running, worker_again

WINDOW_S = 20.0
MINUTE_S = 60.0
AWAY_S = 30.0
LEAD_S = 2.0


@contextmanager
def server_of(**wanted: Any) -> Iterator[Running]:
    """A running game server for one scene."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(Wanted(**wanted), Path(folder)) as server:
        yield server


def chat(clients: int, **wanted: Any) -> Point:
    """Everybody speaks every two seconds, heard by 20 each time."""
    with server_of(players=clients, **wanted) as server:
        groups = workloads.chat(clients, 0.5)
        return measure(server, groups, workload="chat", seconds=WINDOW_S, task="chat.say")


def mixed(clients: int, **wanted: Any) -> Point:
    """The game, in its own world, with its creatures."""
    with server_of(players=clients, bundled=True, **wanted) as server:
        return measure(server, workloads.mixed(clients, 1.0), workload="mixed", seconds=WINDOW_S)


def storm(clients: int, **wanted: Any) -> Point:
    """So many register at once, while a hundred talk. The window is long enough for one worker's hashing."""
    with server_of(players=100, **wanted) as server:
        groups = [*workloads.storm(clients), *workloads.chat(100, 0.5)]
        hash_ms = _hash_ms()
        seconds = max(WINDOW_S, 1.5 * clients * hash_ms / 1000)
        point = measure(
            server, groups, workload="login storm", seconds=seconds, task="sessions.register", study=_entrances
        )
    point.notes |= {"hash_ms": hash_ms, "hashes_per_s": round(1000 / hash_ms, 1)}
    return point


def _entrances(seen: dict[str, list[load.Seen]]) -> dict[str, Any]:
    """How fast they came in: until the last of them, and at the median."""
    done_ms = sorted(ms for part in seen["storm"] for ms in part.entered_ms)
    if not done_ms:
        return {"entered": 0}
    return {
        "entered": len(done_ms),
        "all_in_s": done_ms[-1] / 1000,
        "per_s": round(len(done_ms) / (done_ms[-1] / 1000), 1),
    }


def _hash_ms(times: int = 10) -> float:
    """What one password costs this machine: the bound of what one worker's child can do."""
    passwords, before_s = Argon2Passwords(), time.process_time()
    for _ in range(times):
        passwords.hash(zones.PASSWORD)
    return round((time.process_time() - before_s) / times * 1000, 1)


def idle(clients: int, **wanted: Any) -> Point:
    """So many in the world, each saying nothing but that it is still there, as often as the client library does."""
    with server_of(players=clients, **wanted) as server:
        empty = machine.memory_mb(server.tiers)
        groups = workloads.idle(clients, 20.0)
        point = measure(server, groups, workload="idle", seconds=WINDOW_S, warm_s=5.0, enter_s_max=150.0)
    grown_mb = point.memory_mb["gateway"] - empty["gateway"]
    point.notes |= {"empty_mb": empty, "kb_per_connection": round(grown_mb * 1024 / clients, 1)}
    return point


def idle20(clients: int, **wanted: Any) -> Point:
    """Everything that ``make run`` starts, and a few players who say nothing: what a server costs that does nothing.

    As long as beat, heartbeats and sweeps need to show.
    """
    with server_of(players=clients, kind="make run", bundled=True, **wanted) as server:
        groups = workloads.idle(clients, 20.0)
        return measure(server, groups, workload="idle20", seconds=2 * WINDOW_S, warm_s=15.0)


def hot(clients: int, **wanted: Any) -> Point:
    """All in one place, where everybody sees everybody, two steps a second."""
    with server_of(players=clients, crowd=clients, side=16, **wanted) as server:
        return measure(server, workloads.walk(clients, 2.0), workload="hot zone", seconds=WINDOW_S, drain_s=3.0)


def backlog(clients: int, **wanted: Any) -> Point:
    """Chat has no worker for 30 seconds, then it has one again; others walk and talk on meanwhile.

    By default players are told after 5 seconds that chat is unavailable, which keeps backlogs short; here they wait.
    """
    wanted["env"] = {"GAMESERVER_UNAVAILABLE_AFTER_S": "120", **wanted.get("env", {})}
    with server_of(players=2 * clients, **wanted) as server:
        groups = [*workloads.chat(clients, 0.5), *workloads.walk(clients, 1.0, begin=clients)]
        times: dict[str, float] = {}
        return measure(
            server,
            groups,
            workload="backlog",
            seconds=AWAY_S + WINDOW_S,
            drain_s=10.0,
            task="chat.say",
            meanwhile=lambda: _without_chat(server, times),
            study=lambda seen: _drained(seen, times),
        )


def _without_chat(server: Running, times: dict[str, float]) -> dict[str, Any]:
    began_s = time.monotonic()
    time.sleep(LEAD_S)
    server.workers["chat"].terminate()
    server.workers["chat"].wait()
    times["gone_ms"] = (time.monotonic() - began_s) * 1000
    time.sleep(max(0.0, AWAY_S - LEAD_S - (time.monotonic() - began_s)))
    worker_again(server, "chat")
    times["back_ms"] = (time.monotonic() - began_s) * 1000
    return {name: round(ms) for name, ms in times.items()}


def _drained(seen: dict[str, list[load.Seen]], times: dict[str, float]) -> dict[str, Any]:
    """How long it took until what had waited was answered, and how those fared who had nothing to do with it."""
    sent = [pair for part in seen["chat"] for pair in zip(part.sent_ms, part.took_us, strict=True)]
    waited = [(ms, us) for ms, us in sent if times["gone_ms"] < ms < times["back_ms"]]
    done_ms = [ms + us / 1000 for ms, us in waited if us >= 0]
    drain_s = (max(done_ms, default=times["back_ms"]) - times["back_ms"]) / 1000
    walked = [pair for part in seen["walk"] for pair in zip(part.sent_ms, part.took_us, strict=True)]

    def between(from_ms: float, to_ms: float) -> float | None:
        return latency([us for ms, us in walked if from_ms <= ms < to_ms]).p99

    return {
        "waited": len(waited),
        "answered_of_them": len(done_ms),
        "drain_s": round(drain_s, 2),
        "drained_per_s": round(len(done_ms) / drain_s, 1) if drain_s > 0 else None,
        "walk_p99_ms_before": between(0, times["gone_ms"]),
        "walk_p99_ms_without_chat": between(times["gone_ms"], times["back_ms"]),
        "walk_p99_ms_while_draining": between(times["back_ms"], times["back_ms"] + drain_s * 1000),
    }


def quiet(clients: int, **wanted: Any) -> Point:
    """A quiet server: nothing may wait for anything."""
    with server_of(players=clients, **wanted) as server:
        return measure(server, workloads.walk(clients, 2.0), workload="quiet", seconds=WINDOW_S)


def telnet(clients: int, **wanted: Any) -> Point:
    """So many people with MUD clients, each of whom types a line every two seconds; all see and hear 20."""
    with server_of(players=clients, telnet=True, **wanted) as server:
        return measure(
            server,
            workloads.typing(clients, 0.5),
            workload="telnet",
            seconds=WINDOW_S,
            program="tests.benchmarks.telnet_load",
        )


def websockets(clients: int, **wanted: Any) -> Point:
    """Walkers over TCP, then over WebSockets, then over TCP again: what a gateway takes for each delivery."""
    with server_of(players=clients, web=True, **wanted) as server:
        before, point, after = (_walkers(server, clients, websocket=websocket) for websocket in (False, True, False))
    tcp = (_gateway_us(before) + _gateway_us(after)) / 2
    dearer = round(_gateway_us(point) / tcp - 1, 3)
    point.notes |= {
        "us_per_delivery": round(_gateway_us(point), 2),
        "us_per_delivery_tcp": round(tcp, 2),
        "dearer": dearer,
    }
    return point


def _walkers(server: Running, clients: int, *, websocket: bool) -> Point:
    addresses = server.web_addresses if websocket else server.addresses
    return measure(
        replace(server, addresses=addresses),
        workloads.walk(clients, 1.0),
        workload="websockets",
        seconds=MINUTE_S if websocket else WINDOW_S,
        websocket=websocket,
    )


def _gateway_us(point: Point) -> float:
    """Microseconds of a processor that gateways used for each packet that a client was told."""
    return point.cores["gateway"] / point.deliveries_per_s * 1e6


# Each is played by a function of the number of clients and of what else the server is to be (``Wanted``); what it gives
# is kept as any other measurement. Beside it how many clients it is made for. In the order in which they matter.
SCENES: dict[str, tuple[Callable[..., Point], int]] = {
    "quiet": (quiet, 20),
    "idle20": (idle20, 20),
    "chat": (chat, 500),
    "mixed": (mixed, 300),
    "storm": (storm, 200),
    "idle": (idle, 10_000),
    "hot": (hot, 500),
    "backlog": (backlog, 200),
    "telnet": (telnet, 2_000),
    "websockets": (websockets, 1_000),
}
