"""What players wrote down: every action and how it ended, and every durable notice they were told."""

from typing import Any

import msgspec


class Action(msgspec.Struct):
    """Something a player did. ``end``: ok, refused or lost (nobody ever said); "" while it is unanswered."""

    player: str
    event: str
    fields: dict[str, Any]
    began_s: float
    end: str = ""
    code: str = ""
    ended_s: float = 0.0
    data: Any = None


class Diary(msgspec.Struct):
    """All that was written down in one run."""

    actions: list[Action] = []
    heard: dict[str, list[str]] = {}  # player -> texts of whispers told
    received: dict[str, list[int]] = {}  # player -> coins told of
    sessions_lost: list[str] = []
    reconnects: int = 0
