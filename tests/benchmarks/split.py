"""What more workers and a split queue buy: how fast a backlog goes, on a real broker and database, without a gateway.

``python -m tests.benchmarks.split [--postgresql]``. Two backlogs: moves, each of another player, whose row nobody else
wants; and blows, all of a zone at one player, for whose row whoever strikes there waits (they are refused in the end,
the zones being safe, but not before both rows are locked).
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pika
from kombu import Connection

from gameserver.broker.declare_queues import declare
from gameserver.broker.gateway_routing import GATEWAYS, gateway_key, gateway_queue
from gameserver.broker.topology import EVENTS, OUTBOUND, Queues, topology
from gameserver.declare.base import Event
from gameserver.maps.world import load_world
from gameserver.messages.envelope import Envelope
from gameserver.messages.task_message import CONTENT_ENCODING, CONTENT_TYPE, task_message
from gameserver.modules.combat.events import Attack
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions.entities import Player, Session
from gameserver.store import Store
from gameserver.testing.deployment import Deployment
from gameserver.testing.rabbitmq_node import RunningNode
from gameserver.testing.run_guard import guarded
from tests.amqp import parameters
from tests.benchmarks import zones
from tests.benchmarks.servers import a_cluster
from tests.databases import Cluster

ZONES, CROWD, SIDE, BATCH = 16, 400, 32, 40
NOBODY = "bench"  # the gateway that all replies go to


class Arrangement(msgspec.Struct, frozen=True):
    """Queues and workers for a family."""

    name: str
    parts: int
    workers: int

    def queues(self, family: str) -> Queues:
        return Queues(split={family: self.parts} if self.parts > 1 else {})


ARRANGEMENTS = (
    Arrangement("one queue, one worker", 1, 1),
    Arrangement("one queue, two workers", 1, 2),
    Arrangement("two queues, two workers", 2, 2),
)


def name_of(n: int) -> str:
    return f"w{n}"


def zone_of(n: int) -> str:
    return f"z{n % ZONES}"


def seed(store: Store) -> None:
    """Everybody stands in the world already."""
    people = [(name_of(n), zone_of(n), n // ZONES) for n in range(ZONES * CROWD)]
    with store.transaction() as transaction:
        for name, zone, k in people:
            session, conn = f"s.{name}", f"{NOBODY}.{name}"
            place = {"zone": zone, "x": 2 * (k % (SIDE // 2 - 1)), "y": 1 + k // SIDE % (SIDE - 1)}
            player = Player(id=name, name=name, session=session, gateway=NOBODY, conn=conn)
            body = Body(id=name, **place)
            transaction.save(
                [player, body, Session(id=session, player=name, gateway=NOBODY, conn=conn, token=name)], []
            )


def envelope(n: int, event: Event) -> Envelope:
    name = name_of(n)
    return Envelope(
        id=f"s.{name}:{event.seq}",
        event=event,
        at_ms=int(time.time() * 1000),
        conn=f"{NOBODY}.{name}",
        session=f"s.{name}",
        player=name,
        gateway=NOBODY,
        shard_key=zone_of(n),
    )


def backlog(family: str, queues: Queues) -> list[tuple[str, list[Envelope]]]:
    """Batches with their queues: one event of everybody, the zones by turns, as they would come."""
    waiting: dict[str, list[Envelope]] = {}
    full: list[tuple[str, list[Envelope]]] = []
    for n in range(ZONES, ZONES * CROWD):  # those before stand there to be struck
        event = Move(dir="e", seq=1) if family == "movement" else Attack(target=name_of(n % ZONES), seq=1)
        queue = queues.of(event.spec, zone_of(n))
        batch = waiting.setdefault(queue, [])
        batch.append(envelope(n, event))
        if len(batch) == BATCH:
            full.append((queue, waiting.pop(queue)))
    return full + list(waiting.items())


def run(node: RunningNode, folder: Path, database_url: str, family: str, how: Arrangement) -> float:
    """Events per second."""
    vhost = folder.name
    node.add_vhost(vhost)
    world = zones.write_zones(folder / "world", ZONES, SIDE)
    queues = how.queues(family)
    split = {"GAMESERVER_SPLIT_QUEUES": f"{family}:{how.parts}"} if queues.split else {}
    deployment = Deployment(
        node.amqp_url(vhost), folder / "gameserver", database_url, {"GAMESERVER_WORLD": str(world), **split}
    )
    try:
        with closing(Store(deployment.database_url, load_world(world))) as store:
            seed(store)
        with Connection(deployment.amqp_url) as connection:
            declare(connection, topology(deployment.settings.limits, queues))
        parts = queues.parts(family)
        deployment.workers([((parts[n % how.parts],), f"{family}{n}", 1) for n in range(how.workers)])
        return drained(deployment.amqp_url, backlog(family, queues))
    finally:
        deployment.stop()
        node.delete_vhost(vhost)


def drained(amqp_url: str, batches: Sequence[tuple[str, list[Envelope]]]) -> float:
    with pika.BlockingConnection(parameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.queue_declare(gateway_queue(NOBODY))
        for key in (gateway_key(NOBODY), GATEWAYS):
            channel.queue_bind(gateway_queue(NOBODY), OUTBOUND, key)
        messages = [(queue, task_message(batch, NOBODY)) for queue, batch in batches]
        began_s = time.monotonic()
        for queue, message in messages:
            properties = pika.BasicProperties(CONTENT_TYPE, CONTENT_ENCODING, message.headers, delivery_mode=1)
            channel.basic_publish(EVENTS, queue, message.body, properties)
        for _ in zip(batches, channel.consume(gateway_queue(NOBODY), auto_ack=True), strict=False):
            pass
        return sum(len(batch) for _, batch in batches) / (time.monotonic() - began_s)


@contextmanager
def database(cluster: Cluster | None, name: str) -> Iterator[str]:
    if cluster is None:
        yield ""
        return
    cluster.create(name)
    try:
        yield cluster.url(name)
    finally:
        cluster.drop(name)


@contextmanager
def a_node(folder: Path) -> Iterator[RunningNode]:
    node = RunningNode.somewhere(folder)
    try:
        node.start()
        node.wait_until_up()
        yield node
    finally:
        node.kill()
        node.stop()


@guarded()
def main() -> None:
    """Measure all, by turns, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.split")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    found: dict[tuple[str, str], list[float]] = {}
    postgresql: Any = a_cluster() if arguments.postgresql else nullcontext()
    with tempfile.TemporaryDirectory(prefix="split-") as scratch, a_node(Path(scratch) / "mq") as node, postgresql as c:
        for n in range(arguments.repeats):
            for family in ("movement", "combat"):
                for m, how in enumerate(ARRANGEMENTS):
                    name = f"{family}-{n}-{m}"
                    with database(c, name) as url:
                        found.setdefault((family, how.name), []).append(
                            run(node, Path(scratch) / name, url, family, how)
                        )
                    print(f"{family:10} {how.name:25} {found[family, how.name][-1]:7.0f} events/s", flush=True)
    for (family, name), rates in found.items():
        print(f"| {family} | {name} | {statistics.median(rates):.0f} | {min(rates):.0f} to {max(rates):.0f} |")


if __name__ == "__main__":
    main()
