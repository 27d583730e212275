"""A small game beside the bundled modules: it declares an entity of its own and edits no file of the engine."""

from pathlib import Path

from gameserver.declare.game_package import Game
from gameserver.games.millbrook import GAME as MILLBROOK
from gameserver.modules.trade.entities import Purse

GAME = Game(
    modules=MILLBROOK.modules[: MILLBROOK.modules.index("gameserver.modules.items")],  # it has items of its own
    world=Path(__file__).parent / "maps" / "pantry.world",
    data=MILLBROOK.data,
    begins=(Purse(id="", coins=7),),
)
