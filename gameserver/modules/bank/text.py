"""Banks and chests in words."""

from gameserver.game import Sight, answered, command
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
    Vault,
    Vaulted,
    Withdraw,
)
from gameserver.modules.items.text import carry, listed, named

KEPT = "vault"  # what is in the bank, as far as it was asked for
SHARED = "chest"  # what is in the chest that was looked into last

command("deposit <coins>", Deposit, also=("deposit <coins> coins",))
command("withdraw <coins>", Withdraw, also=("withdraw <coins> coins",))
command("store <thing:carried>", Store)
command("retrieve <thing:vault>", Retrieve)
command("vault", Vault, also=("bank",))
command("putin <thing:carried> <chest>", PutIn)
command("takeout <thing:chest> <chest>", TakeOut)
command("peekin <chest>", PeekIn)


@answered(Deposit, Withdraw)
def balance(data: Balance, event: Deposit | Withdraw, sight: Sight) -> str:
    """Say what is where."""
    return f"You have {data.bank} coins in the bank and {data.purse} in your purse."


@answered(Store, PutIn)
def put_away(data: Shifted, event: Store | PutIn, sight: Sight) -> str:
    """Say what was put away."""
    carry(sight, data.thing, gone=True)
    return f"You put {named(data.thing)} away."


@answered(Retrieve, TakeOut)
def took_out(data: Shifted, event: Retrieve | TakeOut, sight: Sight) -> str:
    """Say what was taken out."""
    for group in (KEPT, SHARED):
        sight.things[group].pop(event.thing, None)
    carry(sight, data.thing, gone=data.gone)
    return f"You take {named(data.thing)} out."


@answered(Vault)
def vaulted(data: Vaulted, event: Vault, sight: Sight) -> str:
    """List what is in the bank."""
    sight.things[KEPT] = {thing.id: thing for thing in data.things}
    return f"In the bank you have {data.coins} coins and {listed(data.things)}."


@answered(PeekIn)
def peeked(data: Shared, event: PeekIn, sight: Sight) -> str:
    """List what is in a chest."""
    sight.things[SHARED] = {thing.id: thing for thing in data.things}
    return f"In it is {listed(data.things)}; it holds {data.holds} things."
