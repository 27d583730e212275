"""How long until a player is answered when a worker, a gateway, the broker or the database fails.

``python -m tests.chaos.measure --runs 20`` prints a Markdown table: median and worst, in seconds, for each fault. Where
a worker fails it does so with the player's event in its hands; elsewhere a player who acts all the time sees the gap.
"""

import argparse
import asyncio
import os
import signal
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from gameserver.client import FOREVER, Client, Refused
from gameserver.up.rabbitmq import PrivateNode
from tests.chaos.players import LIMITS, PASSWORD
from tests.chaos.proxy import Proxy
from tests.chaos.schedule import Fault
from tests.chaos.stage import Stage
from tests.houses import Proc

STALL_S = 5.0
STEADY_REPLIES = 10


class Bench:
    """A stage with two workers for chat, and one player."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.client = Client(stage.addresses, backoff=FOREVER, limits=LIMITS)
        self.worker_proxies: dict[int, Proxy] = {}
        self.workers: list[Proc] = []

    def open(self) -> None:
        """Start everything."""
        self.stage.raise_curtain_without_workers()
        self.stage.crew["rest"] = self.stage.worker("sessions", "movement", "world", "trade", "combat", name="rest")
        self.workers = [self.chat_worker() for _ in range(2)]

    def chat_worker(self) -> Proc:
        """One more worker for chat, behind a proxy of its own."""
        proxy = Proxy(self.stage.node.node_port)
        url = self.stage.amqp_url.replace(f":{self.stage.node.node_port}/", f":{proxy.port}/")
        worker = self.stage.worker("chat", name=f"chat-{uuid.uuid4().hex[:6]}", env={"AMQP_URL": url})
        self.worker_proxies[worker.pid] = proxy
        return worker

    async def struck(self, what: str, strike: Callable[[Proc], None]) -> float:
        """Let a worker fail with an event in its hands. Returns the seconds until the event's reply."""
        key = uuid.uuid4().hex
        reply = asyncio.ensure_future(self.client.send("say", text=f"{what} {key}"))
        mark = self.stage.folder / f"misbehaved-{key}"
        while not mark.exists() or not mark.read_text():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.005)
        _, main_pid = (int(pid) for pid in mark.read_text().split())
        worker = next(worker for worker in self.workers if worker.pid == main_pid)
        began_s = time.monotonic()
        strike(worker)
        await reply
        took_s = time.monotonic() - began_s
        await asyncio.to_thread(self.mend, worker)
        return took_s

    def mend(self, worker: Proc) -> None:
        """Bring a worker back."""
        self.worker_proxies[worker.pid].mend()
        if worker.alive:
            worker.thaw()
        else:
            self.workers.remove(worker)
            self.workers.append(self.chat_worker())

    async def gap(self, strike: Callable[[], None]) -> float:
        """Act all the time. Returns the longest wait for a reply from the fault until all is steady again."""
        player = Client(self.stage.addresses, backoff=FOREVER, limits=LIMITS)  # on the first gateway, which is struck
        await player.open()
        await _enter(player)
        try:
            return await self._gap(player, strike)
        finally:
            await player.close()

    async def _gap(self, player: Client, strike: Callable[[], None]) -> float:
        done = asyncio.ensure_future(asyncio.to_thread(strike))
        longest_s, steady = 0.0, 0
        while steady < STEADY_REPLIES or not done.done():
            began_s = time.monotonic()
            try:
                while True:
                    try:
                        await player.send("say", text="on and on")
                        break
                    except Refused:
                        await asyncio.sleep(0.05)  # busy or unavailable: try again, and count the time
            finally:
                took_s = time.monotonic() - began_s
            longest_s = max(longest_s, took_s)
            steady = steady + 1 if took_s < 0.5 else 0
            await asyncio.sleep(0.02)
        await done
        return longest_s


async def _enter(player: Client) -> None:
    """Come into a world that may still be recovering from the run before."""
    while True:
        try:
            await player.register(f"p{uuid.uuid4().hex[:12]}", PASSWORD)
        except Refused as refused:
            if refused.code != "unavailable":
                raise
            await asyncio.sleep(0.5)
        else:
            return


def _measures(bench: Bench) -> dict[str, Callable[[], Awaitable[float]]]:
    stage = bench.stage

    def fault(what: str, which: int = 0, lasts_s: float = STALL_S) -> Callable[[], None]:
        return lambda: stage.strike_now(Fault(0.0, what, which, lasts_s))

    return {
        "pool child killed": lambda: bench.struck(
            "!hold", lambda w: [os.kill(p, signal.SIGKILL) for p in w.children()] and None
        ),
        "worker killed": lambda: bench.struck("!hold", lambda w: w.kill(group=True)),
        "worker frozen": lambda: bench.struck("!hold", lambda w: w.freeze()),
        "handler loops for ever": lambda: bench.struck("!loop", lambda w: None),
        "handler blocks in a call": lambda: bench.struck("!block", lambda w: None),
        "worker cut off the broker": lambda: bench.struck("!hold", lambda w: bench.worker_proxies[w.pid].cut()),
        "gateway killed": lambda: bench.gap(fault("kill a gateway", 0)),
        "gateway stopped gently": lambda: bench.gap(fault("stop a gateway gently", 0)),
        "gateway cut off the broker for 5 s": lambda: bench.gap(fault("cut a gateway off the broker", 0, STALL_S / 2)),
        "broker killed": lambda: bench.gap(fault("kill the broker")),
        "broker restarted": lambda: bench.gap(fault("restart the broker")),
        "database away for 5 s": lambda: bench.gap(fault("stall the database")),
    }


async def _measure(bench: Bench, runs: int, only: list[str]) -> None:
    await bench.client.open()
    await bench.client.register("probe", PASSWORD)
    print("| fault | median | worst | runs |\n|---|---|---|---|", flush=True)
    for name, measure in _measures(bench).items():
        if only and name not in only:
            continue
        took_s = [await measure() for _ in range(runs)]
        print(f"| {name} | {statistics.median(took_s):.2f} s | {max(took_s):.2f} s | {runs} |", flush=True)
    await bench.client.close()


def main() -> None:
    """Measure all faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.measure")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", action="append", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        node = PrivateNode.somewhere(Path(scratch) / "rabbitmq")
        node.start()
        node.wait_until_up()
        stage = Stage(node, Path(scratch) / "house", app="tests.chaos.sabotaged")
        bench = Bench(stage)
        try:
            bench.open()
            asyncio.run(_measure(bench, arguments.runs, arguments.only))
        finally:
            stage.stop()
            for proxy in bench.worker_proxies.values():
                proxy.stop()
            node.kill()
            node.stop()


if __name__ == "__main__":
    main()
