"""From what a move costs here to a hundred thousand players on many machines: a calculation, not a measurement.

Costs and batches are those of a measured point; sizes are those of the messages that this code makes. What is assumed
is said in the arguments.
"""

import msgspec

from gameserver.broker.gateway_routing import ROUTES
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import BatchResult, Multicast, Unicast, encode_outbound
from gameserver.messages.task_message import task_message
from gameserver.modules.movement.events import Move, Moved, Walked
from gameserver.wire.frames import prefix
from gameserver.wire.packets import Ok
from tests.benchmarks.point import Point

PLAYERS = 100_000
RATE = 2.0  # moves per second and player
SEEN_BY = 20  # players in a zone, who see every move in it
BUSY = 0.7  # how much of a processor is planned for
ROWS = 1  # that a move changes

Row = tuple[str, str, str]


def paper(point: Point) -> list[Row]:
    """Rows of a table: what, how much, how that comes about. Needs a point of walkers on this server."""
    moves = PLAYERS * RATE
    cost = point.cpu_s_per_1000
    gateways = moves / 1000 * cost["gateway"] / BUSY
    workers = moves / 1000 * cost["workers"] / BUSY
    size = point.batches["mean"]
    batches_s = moves / size
    task_bytes, outbound_bytes, moved_bytes, ok_bytes = sizes()
    zones = PLAYERS / SEEN_BY
    spread = gateways * (1 - (1 - 1 / gateways) ** SEEN_BY)  # gateways on which a zone's players sit by chance
    heard_by = gateways * (1 - (1 - spread / gateways) ** size)  # gateways that listen to any zone of a batch
    bound = (
        gateways * ROUTES * (1 - (1 - 1 / ROUTES) ** (zones * spread / gateways))
    )  # each to so many keys of its zones
    return [
        ("moves", f"{moves:,.0f} /s", f"{PLAYERS:,} players, {RATE:g} each"),
        ("deliveries to clients", f"{moves * SEEN_BY:,.0f} /s", f"each move seen by {SEEN_BY}"),
        (
            "to clients",
            _mb(moves * (SEEN_BY * moved_bytes + ok_bytes)),
            f"{moved_bytes} bytes a sight, {ok_bytes} a reply",
        ),
        ("gateways", f"{gateways:.0f}", f"{cost['gateway']:.3f} s per 1,000 moves, {BUSY:.0%} busy"),
        ("worker processes", f"{workers:.0f}", f"{cost['workers']:.3f} s per 1,000 moves"),
        (
            "broker",
            f"{moves / 1000 * cost['broker']:.1f} cores",
            f"{cost['broker']:.3f} s per 1,000 moves, one gateway",
        ),
        ("batches into the queue", f"{batches_s:,.0f} /s, {_mb(moves * task_bytes)}", f"{size:.0f} moves in each"),
        ("transactions", f"{batches_s:,.0f} /s", "one for each batch"),
        ("rows written", f"{moves * ROWS:,.0f} /s", "place, pace and watermark are one"),
        ("bindings, players anywhere", f"{bound:,.0f}", f"a zone's players on {spread:.1f} gateways, {ROUTES} keys"),
        (
            "outbound, players anywhere",
            f"{batches_s * heard_by:,.0f} /s, {_mb(moves * outbound_bytes * heard_by)}",
            f"a batch concerns {heard_by:.0f} gateways",
        ),
        ("bindings, a key's players on one gateway", f"{max(ROUTES, gateways):,.0f}", ""),
        (
            "outbound, a key's players on one gateway",
            f"{batches_s:,.0f} /s, {_mb(moves * outbound_bytes)}",
            "a batch concerns one gateway",
        ),
    ]


def sizes(batch: int = 40) -> tuple[int, int, int, int]:
    """Bytes of a move in a task, in an outbound message, as seen by a client, and as a reply."""
    conn = "gateway-4d726666.0123456789ab"
    envelopes = [
        Envelope(
            id=f"{conn}:{n}",
            event=Move(dir="e", seq=n),
            at_ms=1_795_360_577_201,
            conn=conn,
            session=conn,
            player=f"player{n}",
            gateway="gateway-4d726666",
        )
        for n in range(1000, 1000 + batch)
    ]
    reply = msgspec.msgpack.encode(Ok(re=1000, data=Walked(zone="meadow", x=10, y=10)))
    seen = msgspec.msgpack.encode(Moved(who="player1000", x=10, y=10, v=1234))
    outbound = BatchResult(
        unicasts=[Unicast(conn=conn, packet=reply, re=1000, lane="act") for _ in envelopes],
        multicasts=[Multicast(to=("zone.meadow/1.1",), packet=seen) for _ in envelopes],
        done="move",
    )
    task = len(task_message(envelopes, "gateway-4d726666").body) // batch
    return task, len(encode_outbound(outbound)) // batch, len(prefix(seen)), len(prefix(reply))


def _mb(bytes_per_s: float) -> str:
    return f"{bytes_per_s / 1e6:,.0f} MB/s"
