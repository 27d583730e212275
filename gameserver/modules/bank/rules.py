"""The bank: coins and things go from place to place, and no place is in two zones.

Of many who use one chest each waits for the one before, and then sees what is in it: all lock ``SharedPlace`` first.
"""

from msgspec.structs import replace

from gameserver.game import Context, Entity, Needs, Outcome, Rejected, State, ids, rule
from gameserver.modules.bank import events
from gameserver.modules.bank.entities import Vault
from gameserver.modules.bank.events import (
    Balance,
    Deposit,
    PeekIn,
    PutIn,
    Retrieve,
    Shared,
    Shifted,
    Store,
    TakeOut,
    Vaulted,
    Withdraw,
)
from gameserver.modules.bank.maps import IN_CHEST, Chest, Counter
from gameserver.modules.combat.fighters import Fighter, fighter_of
from gameserver.modules.items import carriers
from gameserver.modules.items.entities import Item, SharedPlace
from gameserver.modules.items.things import Moved, held, in_place, mine, portable, received, rows_of, shown
from gameserver.modules.trade.entities import Purse

STORED_MAX = 60  # things that a player has in the bank
CHEST_REACH = 3  # tiles
PARTS: tuple[type[Entity], ...] = (*carriers.PARTS, Purse, Vault)


def in_bank(player: str) -> str:
    """The place of what a player has in the bank."""
    return f"bank:{player}"


def in_chest(chest: str) -> str:
    """The place of what is in a chest."""
    return f"{IN_CHEST}{chest}"


def _at_counter(state: State, context: Context) -> Fighter:
    """The player whose event it is, where a counter is. Raises ``Rejected`` ``no_counter`` beside what is usual."""
    player = carriers.standing(state, context)
    if not state.zone(carriers.spot(player)[0]).placed(Counter):
        raise Rejected("no_counter", "There is no bank in this zone.")
    return player


@rule(components=PARTS)
def deposit(state: State, event: Deposit, context: Context) -> Outcome:
    """Coins go from the purse into the bank."""
    return _shift(state, _at_counter(state, context), event.coins)


@rule(components=PARTS)
def withdraw(state: State, event: Withdraw, context: Context) -> Outcome:
    """Coins go from the bank into the purse."""
    return _shift(state, _at_counter(state, context), -event.coins)


def _shift(state: State, player: Fighter, coins: int) -> Outcome:
    """Bring coins into the bank; below 0 out of it. Raises ``Rejected`` ``too_few_coins``."""
    purse, vault = state.of(Purse)[player.id], state.of(Vault)[player.id]
    purse, vault = replace(purse, coins=purse.coins - coins), replace(vault, coins=vault.coins + coins)
    if purse.coins < 0 or vault.coins < 0:
        raise Rejected("too_few_coins", "There are not that many coins.")
    return Outcome(result=Balance(bank=vault.coins, purse=purse.coins), put=(purse, vault))


def _thing_and_bank(event: Store | Retrieve, context: Context) -> Needs:
    return (ids(Item, event.thing), *rows_of(context.player, in_bank(context.player)))


@rule(needs=_thing_and_bank, components=carriers.PARTS)
def store(state: State, event: Store, context: Context) -> Outcome:
    """It is in the bank."""
    player = _at_counter(state, context)
    item, place = portable(mine(state, player.id, event.thing)), in_bank(player.id)
    return _shifted(item, received(held(state, place), [item], place, STORED_MAX))


@rule(needs=_thing_and_bank, components=carriers.PARTS)
def retrieve(state: State, event: Retrieve, context: Context) -> Outcome:
    """It is carried again."""
    player = _at_counter(state, context)
    item = in_place(state, in_bank(player.id), event.thing)
    return _shifted(item, received(held(state, player.id), [item], player.id))


def _shifted(item: Item, moved: Moved, *more: SharedPlace) -> Outcome:
    left = next((changed for changed in moved.put if changed.id == item.id), None)
    result = Shifted(thing=shown(left or item), gone=left is None)
    return Outcome(result=result, put=(*more, *moved.put), drop=moved.drop)


def _what_is_in_the_bank(state: State, event: events.Vault, context: Context) -> Outcome:
    things = [shown(item) for item in held(state, in_bank(context.player))]
    return Outcome(result=Vaulted(coins=state.of(Vault)[context.player].coins, things=things))


@rule(
    needs=lambda event, context: rows_of(in_bank(context.player)),
    repeat=_what_is_in_the_bank,
    components=PARTS,
)
def vault(state: State, event: events.Vault, context: Context) -> Outcome:
    """What a player has in the bank."""
    _at_counter(state, context)
    return _what_is_in_the_bank(state, event, context)


def _of_chest(event: PutIn | TakeOut, context: Context) -> Needs:
    return (
        ids(SharedPlace, event.chest),
        ids(Item, event.thing),
        *rows_of(context.player, in_chest(event.chest)),
    )


def _at_chest(state: State, context: Context, id_: str) -> tuple[Fighter, Chest]:
    """The player whose event it is, and a chest near it. Raises ``Rejected`` ``no_such_chest``, ``out_of_reach``."""
    player = carriers.standing(state, context)
    zone = state.zone(carriers.spot(player)[0])
    found = next(((placed, chest) for placed, chest in zone.placed(Chest) if placed.id == id_), None)
    if found is None:
        raise Rejected("no_such_chest", "There is no such chest in this zone.")
    placed, chest = found
    if (carriers.tiles_between(player, zone.name, placed.x, placed.y) or 0) > CHEST_REACH:
        raise Rejected("out_of_reach", "Too far away.")
    return player, chest


def _turn(state: State, chest: str) -> SharedPlace:
    before = state.get(SharedPlace, chest)
    return SharedPlace(id=chest, turn=before.turn + 1 if before else 1)


@rule(needs=_of_chest, components=carriers.PARTS)
def putin(state: State, event: PutIn, context: Context) -> Outcome:
    """It is in the chest, for all."""
    player, chest = _at_chest(state, context, event.chest)
    item, place = portable(mine(state, player.id, event.thing)), in_chest(event.chest)
    return _shifted(item, received(held(state, place), [item], place, chest.holds), _turn(state, event.chest))


@rule(needs=_of_chest, components=carriers.PARTS)
def takeout(state: State, event: TakeOut, context: Context) -> Outcome:
    """It is carried by who was first."""
    player, _ = _at_chest(state, context, event.chest)
    item = in_place(state, in_chest(event.chest), event.thing)
    return _shifted(item, received(held(state, player.id), [item], player.id), _turn(state, event.chest))


def _what_is_in_the_chest(state: State, event: PeekIn, context: Context) -> Outcome:
    zone = state.zone(carriers.spot(fighter_of(state, context.player))[0])
    holds = next((chest.holds for placed, chest in zone.placed(Chest) if placed.id == event.chest), 0)
    return Outcome(result=Shared(things=[shown(i) for i in held(state, in_chest(event.chest))], holds=holds))


@rule(
    needs=lambda event, context: rows_of(in_chest(event.chest)),
    repeat=_what_is_in_the_chest,
    components=carriers.PARTS,
)
def peekin(state: State, event: PeekIn, context: Context) -> Outcome:
    """What is in a chest."""
    _at_chest(state, context, event.chest)
    return _what_is_in_the_chest(state, event, context)
