"""What is measured: memory and descriptors of processes, rows, queues, registries of gateways, files."""

import http.client
import os
import sqlite3
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError

import msgspec

from gameserver.broker.topology import DEAD, DEAD_MESSAGES_MAX
from gameserver.declare import catalogue
from gameserver.limits import Limits
from gameserver.local.ports import LOCAL
from gameserver.local.rabbitmq_node import USER
from gameserver.modules.chat.rules import CHANNELS_MAX
from gameserver.modules.market.rules import LOTS_MAX, OWED_MAX
from gameserver.modules.post.events import LETTERS_MAX
from gameserver.store.engine import CHECKPOINT_PAGES
from gameserver.store.tables import metadata
from gameserver.testing.rabbitmq_node import RunningNode
from tests.chaos.run import query
from tests.chaos.stage import Stage
from tests.integration.scraped import samples, scrape, targets
from tests.soak.series import MB, Series

PAGE = os.sysconf("SC_PAGE_SIZE")
SQLITE_PAGE = 4_096
ASK_S_MAX = 5.0
OBJECTS = ("connections", "channels", "queues", "exchanges", "consumers")
FILL = ("told", "mailed", "remembered")  # registries that fill, and stay so
# What has a bound of its own, or is kept for so long that a run sees it come and not go.
BOUNDED = {
    ("messages", DEAD): float(DEAD_MESSAGES_MAX),
    ("file", "world.sqlite-wal"): 2 * CHECKPOINT_PAGES * SQLITE_PAGE / MB,  # a reader may put a copy off once
}

# Rows of a player, by the rules' own bounds: they fill, and stay so.
OF_A_PLAYER = {
    "letters": LETTERS_MAX,
    "lots": LOTS_MAX,
    "memberships": CHANNELS_MAX,
    "outcomes": len({spec.lane for spec in catalogue.specs()}) * Limits().outcomes_kept,
    "owed": OWED_MAX,
    "sides": 1,
}
# What lies on the ground rots: no more of it than players leave behind in that time.
LYING = "things that lie"
LIE = "SELECT count(*) FROM things WHERE holder = ''"

Found = tuple[str, str, float]  # kind, name, value


class Measurements:
    """All series of a run. ``remembered``: what gateways remember at most in each of those that fill."""

    def __init__(self, stage: Stage, remembered: int, players: int) -> None:
        self._stage = stage
        self._remembered = remembered
        self._players = players
        self.series: dict[tuple[str, str], Series] = {}

    def take(self, at_s: float) -> None:
        """Measure everything once. What does not answer just now is left out."""
        for look in (self._processes, self._rows, self._broker, self._queues, self._gateways, self._files):
            with suppress(OSError, URLError, http.client.HTTPException, sqlite3.Error, msgspec.DecodeError):
                for kind, name, value in look():
                    self._series(kind, name).points.append((at_s, value))

    def _series(self, kind: str, name: str) -> Series:
        key = kind, name
        if key not in self.series:
            self.series[key] = Series(kind=kind, name=name, points=[], bound=self._bound(kind, name))
        return self.series[key]

    def _bound(self, kind: str, name: str) -> float | None:
        if kind == "registry" and name.rpartition(": ")[2] in FILL:
            return float(self._remembered)
        if kind == "rows" and name in OF_A_PLAYER:
            return float(self._players * OF_A_PLAYER[name])
        return BOUNDED.get((kind, name))

    def _processes(self) -> Iterator[Found]:
        slots = {**self._stage.crew, **{f"gateway {n}": proc for n, proc in enumerate(self._stage.gateways)}}
        for slot, proc in slots.items():
            with suppress(OSError):
                yield from _process(slot, proc.pid)
                for child in proc.children():
                    yield from _process(f"{slot}'s child", child)
        yield "broker's memory", "broker", _rss_mb(self._stage.node.pid)
        yield "descriptors", "broker", _descriptors(self._stage.node.pid)

    def _rows(self) -> Iterator[Found]:
        for table in tables():
            ((rows,),) = query(self._stage.database_url, f'SELECT count(*) FROM "{table}"')
            yield "rows", table, float(rows)
        ((lying,),) = query(self._stage.database_url, LIE)
        yield "rows", LYING, float(lying)

    def _broker(self) -> Iterator[Found]:
        totals = _management(self._stage.node, "/api/overview")["object_totals"]
        for what in OBJECTS:
            yield "broker's objects", what, float(totals[what])

    def _queues(self) -> Iterator[Found]:
        families = {*catalogue.families(), DEAD}
        kinds: dict[str, float] = {}
        for queue in _management(self._stage.node, "/api/queues?disable_stats=true&enable_queue_totals=true"):
            name = queue["name"]
            kind = name if name in families else name.partition(".")[0]
            kinds[kind] = kinds.get(kind, 0.0) + queue.get("messages", 0)
        yield from (("messages", kind, messages) for kind, messages in kinds.items())

    def _gateways(self) -> Iterator[Found]:
        for n, proc in enumerate(self._stage.gateways):
            address = targets(self._stage, "gateway").get(proc.id)
            for name, labels, value in samples(scrape(address)) if address else ():
                if name == "gameserver_gateway_kept":
                    yield "registry", f"gateway {n} ({proc.pid}): {labels['registry']}", value

    def _files(self) -> Iterator[Found]:
        for file in self._stage.folder.glob("world.sqlite*"):
            if not file.name.endswith("lock"):
                yield "file", file.name, file.stat().st_size / MB


def tables() -> list[str]:
    """The names of all tables, as plain text: SQLAlchemy's own kind of text is none that a report can be kept with."""
    return [str(table.name) for table in metadata().sorted_tables]


def _process(slot: str, pid: int) -> Iterator[Found]:
    """A process is another when its pid is."""
    if not (memory := _rss_mb(pid)):
        return  # it has ended, and nobody has asked for its status yet
    yield "memory", f"{slot} ({pid})", memory
    yield "descriptors", f"{slot} ({pid})", _descriptors(pid)


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / MB


def _descriptors(pid: int) -> float:
    return float(len(os.listdir(f"/proc/{pid}/fd")))


def _management(node: RunningNode, path: str) -> Any:
    connection = http.client.HTTPConnection(LOCAL, node.management_port or 0, timeout=ASK_S_MAX)
    try:
        connection.request("GET", path, headers=_authorization(node))
        return msgspec.json.decode(connection.getresponse().read())
    finally:
        connection.close()


def _authorization(node: RunningNode) -> Mapping[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{USER}:{node.password}".encode()).decode()}
