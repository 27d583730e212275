"""Merge durable notices that wait for one player into one, as their declaration says.

What was never sent so far may still change: notices of one batch become one, and what waits for a player who is not in
the world, or who acknowledges nothing, grows instead of becoming more. What was sent stays as it is until its receiver
has acknowledged it: an acknowledgement means exactly what its sender has read.
"""

from collections.abc import Callable, Mapping
from functools import cache, reduce
from operator import or_
from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.declare import catalogue
from gameserver.declare.base import SEQ_MAX, Merging, Notice
from gameserver.declare.entity import actor_kind
from gameserver.errors import Corrupt
from gameserver.processing.encoding import packed
from gameserver.rules.outcome import MAIL_MAX, State, Waiting
from gameserver.store.locked_rows import Held

_HOW: Mapping[Merging, Callable[[Any, Any], Any]] = {
    "sum": lambda earlier, later: earlier + later,
    "first": lambda earlier, later: earlier,
    "last": lambda earlier, later: later,
}


def merge(earlier: Notice, later: Notice) -> Notice | None:
    """Make one notice of two of one type; it keeps the earlier one's id. ``None``: both are told, each by itself.

    That is so where a sum would be no number that every client can read, or where a rule gave something else.
    """
    how = later.notice.merge
    summed = [getattr(notice, name) for name in how if how[name] == "sum" for notice in (earlier, later)]
    if any(type(value) is not int or abs(value) > SEQ_MAX // 2 for value in summed):
        return None
    merged = {name: _HOW[how[name]](getattr(earlier, name), getattr(later, name)) for name in how}
    return replace(earlier, **merged)


class MergedMail:
    """A batch's notices of types that are merged, by receiver. ``held``: what the transaction has locked."""

    def __init__(self, state: State, held: Held) -> None:
        self._state = state
        self._held = held[actor_kind()]
        self._notices: dict[tuple[str, str], list[Notice]] = {}
        self._kept: set[str] = set()  # ids of rows that are in the outbox

    def check(self, player: str) -> None:
        """Raise ``Corrupt`` ``not_locked`` unless this batch alone may add to what waits for a player."""
        if player not in self._held or player not in self._state.untold:
            raise Corrupt(
                "not_locked",
                f"{player!r} is to be told something that is merged. Needs must name ids({actor_kind().__name__}, "
                "receiver) and mail_count(receiver).",
            )

    def add(self, player: str, notice: Notice) -> None:
        """Tell a player this too."""
        key = player, notice.notice.name
        notices = self._notices.get(key)
        if notices is None:
            notices = self._notices[key] = self._untold(*key)
        merged = merge(notices[-1], notice) if notices else None
        if merged is None:
            notices.append(notice)
        else:
            notices[-1] = merged

    def _untold(self, player: str, name: str) -> list[Notice]:
        """Read what waits for a player and was not sent so far."""
        notices = [notice for row in self._state.untold[player] if (notice := read_untold(row.body)) is not None]
        mine = [notice for notice in notices if notice.notice.name == name]
        self._kept.update(notice.id for notice in mine)
        return mine

    @property
    def any(self) -> bool:
        """Whether anybody is told anything."""
        return bool(self._notices)

    def rows(self) -> tuple[list[Waiting], list[Waiting]]:
        """Make rows of the outbox, those that are new and those that are there. Called once, when all is added."""
        new: list[Waiting] = []
        kept: list[Waiting] = []
        for (player, _), notices in self._notices.items():
            for notice in notices:
                is_kept = notice.id in self._kept
                untold = not self._may_be_told(player, is_kept)
                (kept if is_kept else new).append(Waiting(notice.id, "mail", player, packed(notice), untold))
                if not is_kept:
                    self._state.count_mail(player)
        return new, kept

    def _may_be_told(self, player: str, is_counted: bool) -> bool:
        """Whether a player is there, and has not left so much unacknowledged that more has to wait."""
        actor = self._state.actors.get(player)
        there = actor is not None and actor.gateway != ""
        return there and self._state.mail_counts.get(player, 0) - is_counted < MAIL_MAX


def read_untold(body: bytes) -> Notice | None:
    """Read a notice that is merged. ``None`` for another, and where this version does not know all that it says."""
    try:
        notice = _reader()(body)
    except (msgspec.MsgspecError, ValueError):
        return None
    return notice if packed(notice) == body else None


@cache
def _reader() -> Callable[[bytes], Notice]:
    merged = [cls for cls in catalogue.notices().values() if cls.notice.merge]
    return msgspec.msgpack.Decoder(reduce(or_, merged)).decode
