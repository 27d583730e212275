"""Millbrook: the game that comes with the engine.

Its kinds of creatures are balanced for one player with 100 hp, attack 10, defence 2 and one blow per second: a player
who begins a fight with full health survives it, ever more narrowly down the list (``tests/test_creatures.py``), but for
the last few: these take better arms, or company.
"""

from pathlib import Path

from gameserver.game import Game

MAPS = Path(__file__).parent / "maps"

GAME = Game(
    modules=(
        "gameserver.modules.world",
        "gameserver.modules.sessions",
        "gameserver.modules.movement",
        "gameserver.modules.chat",
        "gameserver.modules.weather",
        "gameserver.modules.combat",
        "gameserver.modules.creatures",
        "gameserver.modules.trade",
        "gameserver.modules.items",
        "gameserver.modules.barter",
        "gameserver.modules.bank",
        "gameserver.modules.post",
        "gameserver.modules.market",
        "gameserver.modules.crafting",
        "gameserver.modules.shops",
        "gameserver.modules.groups",
        "gameserver.modules.quests",
        "gameserver.modules.achievements",
        "gameserver.modules.instances",
        "gameserver.modules.building",
    ),
    world=MAPS / "bundled.world",
    data={
        name: MAPS / f"{name}.json"
        for name in (
            *("effects", "creatures", "lairs", "items", "drops", "recipes", "shops"),
            *("people", "quests", "achievements", "climates"),
        )
    },
)
