"""Trade in words."""

from gameserver.game import Sight, answered, command, styled, told
from gameserver.modules.trade.events import Give, Given, Purse, Received

command(
    "give <coins> coins to <to>", Give, also=("give <coins> to <to>", "give <to> <coins>", "give <to> <coins> coins")
)
command("purse", Purse, also=("coins", "money"))


@told(Received)
def received(notice: Received, sight: Sight) -> str:
    """Say who gave what."""
    if notice.gifts > 1:
        gifts = f"You were given {notice.coins} coins in {notice.gifts} gifts, the last by {styled('name', notice.by)}"
    else:
        gifts = f"{styled('name', notice.by)} gives you {_coins(notice.coins)}"
    return f"{gifts}; you have {notice.total}."


@answered(Give)
def gave(data: Given, event: Give, sight: Sight) -> str:
    """Say what is left."""
    return f"You give {styled('name', event.to)} {_coins(event.coins)}; {data.coins} are left."


@answered(Purse)
def purse(data: Given, event: Purse, sight: Sight) -> str:
    """Say what is there."""
    return f"You have {_coins(data.coins)}."


def _coins(count: int) -> str:
    return f"{count} coin{'' if count == 1 else 's'}"
