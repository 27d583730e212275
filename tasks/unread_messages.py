"""What a worker can't read is put off until one takes it that can, and is never refused.

During a rolling upgrade workers of two versions take from the same queues. What this one can't read may be another's
daily bread, and its sender is told neither yes nor no: the message goes through the longest delay and back to its
queue, again and again. It costs one message in 8 seconds, however many copies its sender makes
(``store.unread_rows``).
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gameserver.broker.topology import DEAD, DELAYS_MS, delay_name
from gameserver.messages.readability import Sorted, is_awaited, moved_to
from gameserver.messages.task_message import unread_message
from gameserver.runtime.logging import Seldom, about
from gameserver.store import Store
from tasks.publisher import Publisher

log = logging.getLogger(__name__)
seldom = Seldom(log)
renamed = Seldom(log)

UNKNOWN = "server.unknown"  # the task that takes messages of tasks that this version does not know


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message came from: its task's name, its queue, what it said of itself; whether it came here before."""

    task: str = ""
    queue: str = ""
    copy: int = 0
    attempts: int = 0
    priority: int = 0
    redelivered: bool = False


NOWHERE = Origin()


class Strategies(dict[str, Any]):
    """What a worker does with the messages of each task: those of tasks that it does not know are put off.

    But an event that was moved to another family is still taken by its old name: a beat or a worker of the version
    before sends it so, and when the last worker of that version is gone nobody else would take it.
    Flower shows both by their own name all the same, which is Celery's ``shadow``.
    """

    def __missing__(self, name: str) -> Callable[..., Any]:
        moved = moved_to(name)
        task = moved if moved in self else UNKNOWN
        known = self[task]

        def handle(message: Any, *args: Any, **more: Any) -> Any:
            if task != UNKNOWN:
                renamed.warning("%s is the old name of %s: a process of another version sends it", name, task)
            message.headers = {**message.headers, "task": task, "wanted": name, "shadow": name}
            return known(message, *args, **more)

        return handle


class UnreadEvents:
    """Puts off what came in a message and could not be read."""

    def __init__(self, store: Store, publisher: Publisher, origin: str, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._publisher = publisher
        self._origin = origin
        self._clock_ms = clock_ms

    def put_off(self, found: Sorted, whence: Origin) -> dict[str, int]:
        """Put it off; what is no event at all goes to the broker's ``dead``. Returns how much of it ended how."""
        if found.junk:
            log.error("%d in a message of %s are no events, and go to %s", len(found.junk), whence.task, DEAD)
            junk = [{"id": f"junk of {whence.task}", "junk": found.junk}]
            self._publish(junk, whence, 0, DEAD)
        awaited = [one for one in found.unread if is_awaited(one)]
        if awaited:
            self._go_round(awaited, whence)
        ends = {"unread": len(awaited), "dropped": len(found.unread) - len(awaited), "junk": len(found.junk)}
        return {how: count for how, count in ends.items() if count}

    def _go_round(self, awaited: Sequence[dict[str, Any]], whence: Origin) -> None:
        """Publish, and note it after that: of two copies that were published one falls away in the next round."""
        ids = [one["id"] for one in awaited]
        mine, copy = self._store.going_on(ids, whence.copy, self._clock_ms())
        going = [one for one in awaited if one["id"] in mine]
        text = "%d events of %s can't be read and wait for a worker of another version"
        seldom.warning(text, len(awaited), whence.task, extra=about(*ids))
        if going:
            self._publish(going, whence, copy, delay_name(DELAYS_MS[-1]))
            self._store.note_unread(sorted(mine), copy, self._clock_ms())

    def _publish(self, raw: Sequence[dict[str, Any]], whence: Origin, copy: int, exchange: str) -> None:
        """Publish it, as a suspect if it came before: who could read it may have died of it, and counted that."""
        attempts = max(whence.attempts, int(whence.redelivered))
        message = unread_message(raw, whence.task, self._origin, copy=copy, attempts=attempts, priority=whence.priority)
        self._publisher.task(message, whence.queue, exchange=exchange)
