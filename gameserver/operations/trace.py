"""Write down one event's history for an operator: times in gateways, failed attempts, and the log lines that name it.

A gateway keeps the times of its latest events in memory (``gateway.metrics.meters``). Log lines are those of this
machine.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from gameserver.errors import Rejected
from gameserver.messages.process_reports import EventTimes
from gameserver.store.store import DeadLetter

LINES_MAX = 200
ID = re.compile(r"[^\s:]+:[^\s:]+")


def event_id(text: str) -> str:
    """Extract an event's id from its own or its task's, without the suffixes of batches, copies and attempts.

    Raises ``Rejected`` ``no_event_id`` for what is none: a bare number stands in every line of a log.
    """
    if not ID.fullmatch(text):
        raise Rejected(
            "no_event_id",
            f"{text!r} is no event's id: those are like gateway-1f2e3d4c.Qx3y:7 or tick:12 (tail, Flower and logs).",
        )
    return re.sub(r"(\+\d+)?(_\d+)?(~\d+)?$", "", text)


def format_times(found: Sequence[EventTimes], *, failed: bool = False) -> Iterator[str]:
    """Format the times of each publication of the event; usually there is one. ``failed``: its trial was in vain."""
    for times in sorted(found, key=lambda each: each.published_ms):
        yield f"{times.id}  {times.event} of {times.player or 'nobody'}, in task {times.task}"
        yield f"  {_clock(times.accepted_ms)}  accepted by the gateway"
        yield _step(times, times.published_ms, times.published_ms - times.accepted_ms, "published: lane and batch")
        yield from _processing(times, failed) if times.done_ms else ("  no process has reported that it is done",)


def _processing(times: EventTimes, failed: bool) -> Iterator[str]:
    what = "its first trial, in vain, in a batch that was committed" if failed else "its batch applied and committed"
    reported_ms = times.done_ms - times.began_ms - times.took_ms
    yield _step(times, times.began_ms, times.began_ms - times.published_ms, "taken up by a process: queue")
    yield _step(times, times.began_ms + times.took_ms, times.took_ms, f"{what}: process")
    yield _step(times, times.done_ms, reported_ms, "reported to the gateway: way back")


def format_failures(trials: int, letters: Sequence[DeadLetter]) -> Iterator[str]:
    """Format the failed attempts so far, and how it was given up."""
    if trials:
        yield f"  tried {trials} times in vain so far"
    for letter in letters:
        yield f"  given up {_clock(letter.dead_ms)}, after {letter.attempts} trials: {letter.cause}"
        yield f"  kept as a dead letter: gameserver dead show {letter.id}"


def find_log_lines(folder: Path, id_: str) -> Iterator[str]:
    """Find the latest log lines of all parts that name the event, in the order of time."""
    named = re.compile(r"(?<![\w.:-])" + re.escape(id_) + r"(?![0-9])")
    lines = [(line, file.stem) for file in sorted(folder.glob("*.log")) for line in _lines(file) if named.search(line)]
    for line, part in sorted(map(_readable, lines))[-LINES_MAX:]:
        yield f"  {line}  [{part}]"


def _lines(file: Path) -> Iterable[str]:
    with file.open(errors="replace") as opened:
        yield from (line.rstrip("\n") for line in opened)


def _readable(found: tuple[str, str]) -> tuple[str, str]:
    """Format a line of JSON for people; leave any other as it is."""
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
