"""Another release of the game, beside this one: its catalogue has an event, a notice and an optional field more.

Importing this module decides which release a process runs: ``CHAOS_RELEASE`` names the folder of the other, which
``write`` made of today's modules. It must be imported before anything that reads the catalogue.
"""

import os
from pathlib import Path

import gameserver.modules.trade

EVENT = '''

@notice(durable=True)
class Tipped(Notice):
    """Someone gave you a tip."""

    by: str
    coins: int


@event(lane="trade", priority=2, result=Given)
class Tip(Event):
    """Give coins to a player, and hear no total."""

    to: Name
    coins: Coins
    thanks: str = ""
'''

RULE = '''

from gameserver.modules.trade.events import Tip, Tipped  # noqa: E402


@rule(needs=_needs_receiver, components=(Purse,))
def tip(state: State, event: Tip, context: Context) -> Outcome:
    """A gift by another name."""
    given = give(state, Give(to=event.to, coins=event.coins), context)
    told = Tipped(by=actor(state, context).name, coins=event.coins)
    (received,) = given.notifications
    return replace(given, notifications=(replace(received, notice=told),))
'''

# It writes what it sees: coins would be lost if it did not see what the rule has put.
HOOK = '''"""What the other release adds to the rule of a gift."""

from gameserver.game import Context, Outcome, State, after
from gameserver.modules.trade.entities import Purse
from gameserver.modules.trade.events import Give


@after("trade.give")
def write_again(state: State, event: Give, context: Context, outcome: Outcome) -> Outcome:
    """Put both purses as they are now."""
    return Outcome(put=(state.of(Purse)[context.player], state.of(Purse)[event.to.lower()]))
'''

FIELD_BEFORE = "    to: Name\n    coins: Coins\n"
FIELD = '    note: str = ""\n'


def write(folder: Path) -> None:
    """Make the other release's modules from today's."""
    for part, text in (("events", EVENT), ("rules", RULE)):
        today = Path(gameserver.modules.trade.__path__[0]) / f"{part}.py"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / today.name).write_text(today.read_text().replace(FIELD_BEFORE, FIELD_BEFORE + FIELD) + text)
    (folder / "hooks.py").write_text(HOOK)


def _use(folder: str) -> None:
    gameserver.modules.trade.__path__.insert(0, folder)


if os.environ.get("CHAOS_RELEASE"):
    _use(os.environ["CHAOS_RELEASE"])
