"""Every way in which a worker can fail with an event in its hands: another applies it, once, and the first goes on."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from gameserver.client import Client
from gameserver.modules.trade.events import Give
from gameserver.testing.processes import Proc, eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests.chaos.bench import Bench
from tests.chaos.measure import kill_children, nothing
from tests.chaos.players import PASSWORD
from tests.chaos.run import read_data_tier
from tests.chaos.stage import Stage

LEASE_S = Give.spec.lease_s
# Beyond all bounds in docs/architecture.md, and far less than the misbehaviour would last.
BACK_S_MAX = 40.0
FOR_EVER = 1_000

COINS_AT_FIRST = 100
TICK_MS = 1_000
CONSUMER_TIMEOUT_S = LEASE_S + 10


@contextmanager
def bench(node: RunningNode, folder: Path, sabotage: str = "", env: Mapping[str, str] | None = None) -> Iterator[Bench]:
    """A bench on which coins are given away."""
    stage = Stage(node, folder, app="tests.chaos.sabotaged", env={"CHAOS_SABOTAGE": sabotage, **(env or {})})
    made = Bench(stage, "trade", "give", {"to": "Taker", "coins": 1})
    try:
        made.open()
        yield made
    finally:
        made.stop()


def freeze_main(worker: Proc) -> None:
    """Freeze a worker, but not its child."""
    os.kill(worker.pid, signal.SIGSTOP)


# What the handler is told to do, what is done to its worker, and whether the handler goes on in the end, too late.
WAYS: dict[str, tuple[str, Callable[[Bench, Proc], None], bool]] = {
    "its child is killed": (f"hold {FOR_EVER}", lambda bench, worker: kill_children(worker), False),
    "it is killed": (f"hold {FOR_EVER}", lambda bench, worker: worker.kill(group=True), False),
    "it is frozen": ("hold 16", lambda bench, worker: worker.freeze(), False),
    "it is frozen but for its child": ("hold 20", lambda bench, worker: freeze_main(worker), True),
    "it is cut off the broker": (f"hold {FOR_EVER}", Bench.cut, False),
    "its handler loops": (f"loop {FOR_EVER}", lambda bench, worker: nothing(worker), False),
    "its handler blocks": (f"hold {FOR_EVER}", lambda bench, worker: nothing(worker), False),
    "its handler blocks in its transaction": (f"hold within {FOR_EVER}", lambda bench, worker: nothing(worker), False),
}


@pytest.mark.long
@pytest.mark.timeout(400)
def test_however_a_worker_fails_its_event_is_applied_once_and_it_goes_on(node: RunningNode, tmp_path: Path) -> None:
    with bench(node, tmp_path / "server") as made:
        given, told = asyncio.run(_every_way(made))
        purses, _ = read_data_tier(made.stage.database_url)
    assert told == [1] * given
    assert purses == {"probe": COINS_AT_FIRST - given, "taker": COINS_AT_FIRST + given}


async def _every_way(made: Bench) -> tuple[int, list[int]]:
    """Give a coin in every way. Gives how many were given, and the coins that their taker was told of."""
    told: list[int] = []
    taker = Client(made.stage.addresses, on_notice=lambda n: told.append(n["coins"]) if "coins" in n else None)
    await taker.open()
    await taker.register("Taker", PASSWORD)
    await made.client.open()
    await made.client.register("Probe", PASSWORD)
    for way, (order, strike, goes_on) in WAYS.items():
        print(way, flush=True)
        try:
            async with asyncio.timeout(BACK_S_MAX):
                took_s, worker = await made.struck(order, lambda worker, strike=strike: strike(made, worker))
        except TimeoutError:
            pytest.fail(f"nobody took over from a worker when {way}")
        print(f"  answered after {took_s:.1f} s", flush=True)
        if goes_on:
            await made.stage.do(made.came_to_its_end)
        stands = await made.stage.do(made.mend, worker)
        async with asyncio.timeout(BACK_S_MAX):
            await made.serves_again(stands, "purse")
    given = made.acted
    async with asyncio.timeout(BACK_S_MAX):
        while len(told) < given:  # noqa: ASYNC110 - whoever tells them is another process
            await asyncio.sleep(0.05)
    await taker.close()
    await made.client.close()
    return given, told


@pytest.mark.long
@pytest.mark.timeout(200)
def test_without_leases_the_brokers_own_timeout_is_the_last_net_and_the_worker_lives_through_it(
    node: RunningNode, tmp_path: Path
) -> None:
    node.ctl("eval", f"application:set_env(rabbit, channel_tick_interval, {TICK_MS}).")
    node.ctl("eval", f"application:set_env(rabbit, consumer_timeout, {CONSUMER_TIMEOUT_S * 1000}).")
    with bench(node, tmp_path / "server", sabotage="lease") as made:
        worker = asyncio.run(_outstay(made, LEASE_S + 5))
        purses, _ = read_data_tier(made.stage.database_url)
        assert worker.alive
        assert "PRECONDITION_FAILED" in worker.text
    given = made.acted
    # The broker writes its log when it finds the time.
    eventually(lambda: "timed out waiting for delivery acknowledgement" in node.log.read_text(), "the broker's word")
    assert purses == {"probe": COINS_AT_FIRST - given, "taker": COINS_AT_FIRST + given}


HELD_S = 6


@pytest.mark.long
@pytest.mark.timeout(200)
def test_without_leases_and_on_a_broker_without_a_timeout_the_worker_gives_back_what_it_holds_and_lives_through_it(
    node: RunningNode, tmp_path: Path
) -> None:
    """So it is on RabbitMQ 4.3 with classic queues. The broker's own timeout is far beyond this test's end."""
    with bench(node, tmp_path / "server", sabotage="lease", env={"CHAOS_HELD_S": str(HELD_S)}) as made:
        worker = asyncio.run(_outstay(made, HELD_S - 3))
        purses, _ = read_data_tier(made.stage.database_url)
        assert worker.alive
        assert f"held for {HELD_S} s without an end" in worker.text
    given = made.acted
    assert purses == {"probe": COINS_AT_FIRST - given, "taker": COINS_AT_FIRST + given}


async def _outstay(made: Bench, unanswered_s: float) -> Proc:
    """Give a coin through a handler that never ends. Nobody answers for ``unanswered_s``."""
    async with Client(made.stage.addresses) as taker:
        await taker.register("Taker", PASSWORD)
        await made.client.open()
        await made.client.register("Probe", PASSWORD)
        reply, worker = await made.misbehaved(f"hold {FOR_EVER}")
        # What the test of leases would have found: nobody takes over.
        done, _ = await asyncio.wait([reply], timeout=unanswered_s)
        assert not done, "a lease was kept that was switched off"
        await asyncio.wait_for(reply, BACK_S_MAX)
        async with asyncio.timeout(BACK_S_MAX):
            await made.serves_again(worker, "purse")
        await made.client.close()
        return worker
