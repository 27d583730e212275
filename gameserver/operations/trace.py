"""One event's way: what gateways remember of it, what the data tier counted, and the log lines that name it.

A gateway keeps the times of its last events (``gateway.metrics.meters``), so nothing is written down for events that
nobody asks about. Log lines are those of this machine.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from gameserver.messages.reports import EventTimes

LINES_MAX = 200


def event_id(text: str) -> str:
    """An event's id from its own or its task's, as Flower shows it: without what tells batches, copies and trials."""
    return re.sub(r"(\+\d+)?(_\d+)?(~\d+)?$", "", text)


def ways(found: Sequence[EventTimes]) -> Iterator[str]:
    """Each publishing of the event: usually one."""
    for times in sorted(found, key=lambda each: each.published_ms):
        yield f"{times.id}  {times.event} of {times.player or 'nobody'}, in task {times.task}"
        yield f"  {_clock(times.accepted_ms)}  accepted by the gateway"
        yield _step(times, times.published_ms, times.published_ms - times.accepted_ms, "published: lane and batch")
        if not times.done_ms:
            yield "  no process has said that it is done with it"
            continue
        told_ms = times.done_ms - times.began_ms - times.took_ms
        yield _step(times, times.began_ms, times.began_ms - times.published_ms, "taken up by a process: queue")
        yield _step(times, times.began_ms + times.took_ms, times.took_ms, "its batch applied and committed: process")
        yield _step(times, times.done_ms, told_ms, "told to the gateway: way back")


def troubles(trials: int, causes: Sequence[str]) -> Iterator[str]:
    """What went wrong with it."""
    if trials:
        yield f"  tried {trials} times in vain so far"
    for cause in causes:
        yield f"  given up, and kept as a dead letter: {cause}"


def logged(folder: Path, id_: str) -> Iterator[str]:
    """The log lines that name it, of all parts, the latest ones, in the order of time."""
    named = re.compile(re.escape(id_) + r"(?![0-9])")
    lines = [(line, file.stem) for file in sorted(folder.glob("*.log")) for line in _lines(file) if named.search(line)]
    for line, part in sorted(map(_readable, lines))[-LINES_MAX:]:
        yield f"  {line}  [{part}]"


def _lines(file: Path) -> Iterable[str]:
    with file.open(errors="replace") as opened:
        yield from (line.rstrip("\n") for line in opened)


def _readable(found: tuple[str, str]) -> tuple[str, str]:
    """A line of JSON as a sentence; another as it is."""
    line, part = found
    try:
        record = msgspec.json.decode(line, type=dict[str, object])
        return f"{record['time']} {record['level']} {record['message']}", part
    except (msgspec.DecodeError, KeyError):
        return line, part


def _step(times: EventTimes, at_ms: float, took_ms: float, what: str) -> str:
    return f"  {at_ms - times.accepted_ms:+9.1f} ms  {what} took {took_ms:.1f} ms"


def _clock(at_ms: int) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at_ms / 1000))}.{at_ms % 1000:03d}"
