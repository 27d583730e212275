"""What clients wrote down: every action and how it ended."""

from array import array
from collections import Counter
from typing import Any

import msgspec


class Action(msgspec.Struct):
    """Something a client did. ``end``: ok, refused or lost (nobody ever said); "" while it is unanswered.

    ``id``: that of the event, by which the server knows it.
    """

    player: str
    event: str
    fields: dict[str, Any]
    began_s: float
    end: str = ""
    code: str = ""
    ended_s: float = 0.0
    data: Any = None
    id: str = ""


class Diary(msgspec.Struct):
    """All that was written down in one run.

    ``actions``: in the order in which each player sent them. ``ends``: how many actions ended how; ``took_s``: how long
    each took.
    """

    actions: list[Action] = []
    sessions_lost: list[str] = []
    reconnects: int = 0
    ends: Counter[str] = msgspec.field(default_factory=Counter)
    took_s: "array[float]" = msgspec.field(default_factory=lambda: array("f"))
