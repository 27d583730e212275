"""Two workers of one family, one player, and faults that strike the worker with the player's event in its hands."""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from gameserver.client import FOREVER, Client, Refused
from gameserver.testing.chaos.client import LIMITS, PASSWORD
from gameserver.testing.processes import Proc, eventually
from gameserver.testing.proxy import Proxy
from tests.chaos import orders
from tests.chaos.stage import Stage
from tests.deployments import FAMILIES

STEADY_REPLIES = 10
STEADY_S = 0.5


class Bench:
    """``family`` has the two workers, ``event`` (one of its, with these ``fields``) is what the player does.

    The stage's workers must be ``tests.chaos.sabotaged``, which obey orders to misbehave.
    """

    def __init__(self, stage: Stage, family: str, event: str, fields: Mapping[str, Any]) -> None:
        self.stage = stage
        self.client = Client(stage.addresses, backoff=FOREVER, limits=LIMITS)
        self.workers: list[Proc] = []
        self.acted = 0  # how often the player acted
        self._family = family
        self._event = event
        self._fields = dict(fields)
        self._proxies: dict[int, Proxy] = {}

    def open(self) -> None:
        """Start everything."""
        self.stage.start_without_workers()
        others = [family for family in FAMILIES if family != self._family]
        self.stage.crew["others"] = self.stage.worker(*others, name="others")
        self.workers = [self._worker() for _ in range(2)]

    def _worker(self) -> Proc:
        """One more worker for the family, behind a proxy of its own."""
        proxy = Proxy(self.stage.node.node_port)
        url = self.stage.amqp_url.replace(f":{self.stage.node.node_port}/", f":{proxy.port}/")
        name = f"{self._family}-{uuid.uuid4().hex[:6]}"
        worker = self.stage.worker(self._family, name=name, env={"AMQP_URL": url})
        self._proxies[worker.pid] = proxy
        return worker

    def act(self) -> "asyncio.Future[Any]":
        """The player acts."""
        self.acted += 1
        return asyncio.ensure_future(self.client.send(self._event, **self._fields))

    async def struck(self, order: str, strike: Callable[[Proc], None]) -> tuple[float, Proc]:
        """Let a worker misbehave, and strike it. Gives the seconds until the event's reply, and who it was."""
        reply, worker = await self.misbehaved(order)
        began_s = time.monotonic()
        strike(worker)
        await reply
        return time.monotonic() - began_s, worker

    async def misbehaved(self, order: str, event: str = "") -> "tuple[asyncio.Future[Any], Proc]":
        """Act under an order (or send another event). Gives the reply to come, and the worker that took the order."""
        orders.give(self.stage.folder, order)
        reply = asyncio.ensure_future(self.client.send(event)) if event else self.act()
        while not (pid := orders.taken(self.stage.folder)):  # noqa: ASYNC110 - another process tells
            await asyncio.sleep(0.005)
        return reply, next(worker for worker in self.workers if worker.pid == pid)

    def came_to_its_end(self) -> None:
        """Wait until the misbehaving handler has done what it was told, and goes on."""
        eventually(lambda: orders.is_obeyed(self.stage.folder), "the end of the misbehaviour", 60)

    async def serves_again(self, worker: Proc, event: str) -> None:
        """Send an event of the family until this worker has handled it."""
        while True:
            reply, by = await self.misbehaved("hold 0", event)
            await reply
            if by is worker:
                return

    def cut(self, worker: Proc) -> None:
        """Cut a worker off the broker."""
        self._proxies[worker.pid].cut()

    def mend(self, worker: Proc) -> Proc:
        """Bring a worker back. Gives who stands in its place."""
        self._proxies[worker.pid].mend()
        if worker.alive:
            worker.thaw()
            return worker
        self.workers.remove(worker)
        self.workers.append(self._worker())
        return self.workers[-1]

    async def gap(self, strike: Callable[[], None]) -> float:
        """Act all the time. Returns the longest wait for a reply from the fault until all is steady again."""
        player = Client(self.stage.addresses, backoff=FOREVER, limits=LIMITS)  # on the first gateway, which is struck
        await player.open()
        await enter(player)
        try:
            return await self._gap(player, strike)
        finally:
            await player.close()

    async def _gap(self, player: Client, strike: Callable[[], None]) -> float:
        done = asyncio.ensure_future(self.stage.do(strike))
        longest_s, steady = 0.0, 0
        while steady < STEADY_REPLIES or not done.done():
            began_s = time.monotonic()
            try:
                while True:
                    try:
                        await player.send(self._event, **self._fields)
                        break
                    except Refused:
                        await asyncio.sleep(0.05)  # busy or unavailable: try again, and count the time
            finally:
                took_s = time.monotonic() - began_s
            longest_s = max(longest_s, took_s)
            steady = steady + 1 if took_s < STEADY_S else 0
            await asyncio.sleep(0.02)
        await done
        return longest_s

    def stop(self) -> None:
        """End everything."""
        try:
            self.stage.stop()
        finally:
            for proxy in self._proxies.values():
                proxy.stop()


async def enter(player: Client) -> None:
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
