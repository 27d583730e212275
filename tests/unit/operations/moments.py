"""Snapshots made by hand."""

from typing import Any

from gameserver.broker.connections import Depth
from gameserver.operations.snapshot import Gateway, Snapshot, Worker

FAMILIES = {"chat": ("chat",), "combat": ("combat", "combat.attack"), "world": ("world",)}


def gateway(name: str = "g1", **changes: Any) -> Gateway:
    given: dict[str, Any] = {
        "connections": 3,
        "players": 2,
        "cpu_s": 0.0,
        "refused": 0,
        "waiting": {},
        "oldest_s": {},
        "unavailable": (),
        "answered": {},
        "replies": {},
    }
    return Gateway(name=name, **{**given, **changes})


def worker(name: str, *queues: str, **changes: Any) -> Worker:
    given: dict[str, Any] = {"children": 1, "queues": queues, "events": {}, "busy_s": {}}
    return Worker(name=name, **{**given, **changes})


def everyone() -> tuple[Worker, ...]:
    return (
        worker("chat1@h", "chat"),
        worker("combat1@h", "combat", "combat.attack"),
        worker("world1@h", "world", events={"world": 1}),
    )


def moment(at_s: float = 0.0, **changes: Any) -> Snapshot:
    given: dict[str, Any] = {
        "families": FAMILIES,
        "gateways": (gateway(),),
        "workers": everyone(),
        "depths": {name: Depth(0, 1) for names in FAMILIES.values() for name in names},
        "dead": 0,
        "in_dead": 0,
    }
    return Snapshot(at_s=at_s, **{**given, **changes})
