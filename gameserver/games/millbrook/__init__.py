"""Millbrook: the game that comes with the engine."""

from pathlib import Path

from gameserver.declare.game import Game

GAME = Game(
    modules=(
        "gameserver.modules.sessions",
        "gameserver.modules.movement",
        "gameserver.modules.chat",
        "gameserver.modules.combat",
        "gameserver.modules.trade",
        "gameserver.modules.world",
    ),
    world=Path(__file__).parent / "maps" / "bundled.world",
)
