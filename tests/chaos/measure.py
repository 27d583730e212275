"""How long until a player is answered when a worker, a gateway, the broker or the database fails.

``python -m tests.chaos.measure --runs 20`` prints a Markdown table: median and worst, in seconds, for each fault. Where
a worker fails it does so with the player's event in its hands; elsewhere a player who acts all the time sees the gap.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from gameserver.client import FOREVER, Client
from gameserver.testing.chaos.client import LIMITS, PASSWORD
from gameserver.testing.chaos.schedule import Fault
from gameserver.testing.processes import Proc
from gameserver.testing.rabbitmq_node import RunningNode
from tests.chaos.bench import Bench, enter
from tests.chaos.run import ENTER_TOGETHER
from tests.chaos.stage import Stage

STALL_S = 5.0
LONG_STALL_S = 20.0
CROWD = 200


def _measures(bench: Bench, crowd: "Crowd") -> dict[str, Callable[[], Awaitable[float]]]:
    stage = bench.stage

    def fault(what: str, which: int = 0, lasts_s: float = STALL_S) -> Callable[[], None]:
        return lambda: stage.strike_now(Fault(0.0, what, which, lasts_s))

    async def struck(order: str, strike: Callable[[Proc], None]) -> float:
        took_s, worker = await bench.struck(order, strike)
        await bench.stage.do(bench.mend, worker)
        return took_s

    return {
        "pool child killed": lambda: struck("hold 60", kill_children),
        "worker killed": lambda: struck("hold 60", lambda worker: worker.kill(group=True)),
        "worker frozen": lambda: struck("hold 60", Proc.freeze),
        "handler loops for ever": lambda: struck("loop 1000", nothing),
        "handler blocks in a call": lambda: struck("hold 1000", nothing),
        "handler blocks within its transaction": lambda: struck("hold within 1000", nothing),
        "worker cut off the broker": lambda: struck("hold 60", bench.cut),
        "gateway killed": lambda: bench.gap(fault("kill a gateway", 0)),
        "gateway stopped gently": lambda: bench.gap(fault("stop a gateway gently", 0)),
        "gateway cut off the broker for 5 s": lambda: bench.gap(fault("cut a gateway off the broker", 0, STALL_S / 2)),
        "broker killed": lambda: bench.gap(fault("kill the broker")),
        "broker restarted": lambda: bench.gap(fault("restart the broker")),
        "database away for 5 s": lambda: bench.gap(fault("stall the database")),
        "database away for 20 s": lambda: bench.gap(fault("stall the database", 0, LONG_STALL_S)),
        f"gateway killed under {CROWD} clients": crowd.moved,
    }


class Crowd:
    """Clients who are all on one gateway, and move to the other when it is killed."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._clients: list[Client] = []
        self._at = 0  # the gateway on which they are

    async def moved(self) -> float:
        """Kill the gateway, with an event of each under way. Gives the seconds until all are answered on the other."""
        if not self._clients:
            await self._enter()
        await asyncio.sleep(FOREVER.cap_s)  # who is cut off again and again waits longer, on purpose
        moves_before = sum(client.reconnects for client in self._clients)
        replies = [asyncio.ensure_future(client.send("purse")) for client in self._clients]
        await asyncio.sleep(0)  # they are sent
        began_s = time.monotonic()
        self._stage.gateways[self._at].kill()
        await asyncio.gather(*replies)
        await asyncio.gather(*(client.send("purse") for client in self._clients))
        took_s = time.monotonic() - began_s
        assert sum(client.reconnects for client in self._clients) == moves_before + CROWD
        await self._stage.do(self._stage.revive_gateway, self._at)
        self._at = 1 - self._at
        return took_s

    async def _enter(self) -> None:
        self._clients = [Client(self._stage.addresses, backoff=FOREVER, limits=LIMITS) for _ in range(CROWD)]
        for n in range(0, CROWD, ENTER_TOGETHER):
            some = self._clients[n : n + ENTER_TOGETHER]
            await asyncio.gather(*(client.open() for client in some))
            await asyncio.gather(*(enter(client) for client in some))

    async def leave(self) -> None:
        """Close all."""
        await asyncio.gather(*(client.close() for client in self._clients))


def kill_children(worker: Proc) -> None:
    """Kill a worker's pool."""
    for pid in worker.children():
        os.kill(pid, signal.SIGKILL)


def nothing(worker: Proc) -> None:
    """Leave a worker alone with its misbehaviour."""


async def _measure(bench: Bench, runs: int, only: list[str]) -> None:
    crowd = Crowd(bench.stage)
    await bench.client.open()
    await bench.client.register("probe", PASSWORD)
    print("| fault | median | worst | runs |\n|---|---|---|---|", flush=True)
    for name, measure in _measures(bench, crowd).items():
        if only and name not in only:
            continue
        took_s = []
        for _ in range(runs):
            took_s.append(await measure())
            print(f"{name}: {took_s[-1]:.2f} s", file=sys.stderr, flush=True)
        print(f"| {name} | {statistics.median(took_s):.1f} s | {max(took_s):.1f} s | {runs} |", flush=True)
    await bench.client.close()
    await crowd.leave()


def main() -> None:
    """Measure all faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.measure")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", action="append", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        node = RunningNode.somewhere(Path(scratch) / "rabbitmq")
        node.start()
        node.wait_until_up()
        stage = Stage(node, Path(scratch) / "server", app="tests.chaos.sabotaged")
        bench = Bench(stage, "chat", "say", {"text": "on and on"})
        try:
            bench.open()
            asyncio.run(_measure(bench, arguments.runs, arguments.only))
        finally:
            bench.stop()
            node.kill()
            node.stop()


if __name__ == "__main__":
    main()
