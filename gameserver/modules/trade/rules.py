"""Trade: coins leave one purse as they come into another, in one outcome, so that none are made or lost."""

from msgspec.structs import replace

from gameserver.errors import Rejected
from gameserver.modules.movement.entities import Player
from gameserver.modules.movement.players import actor
from gameserver.modules.trade.events import Give, Given, Purse, Received
from gameserver.rules.needs import Needs, ids, mail_count
from gameserver.rules.outcome import Context, Notification, Outcome, State, rule


def _needs_receiver(event: Give, context: Context) -> Needs:
    receiver = event.to.lower()
    return ids(Player, receiver), mail_count(receiver)


@rule(needs=_needs_receiver)
def give(state: State, event: Give, context: Context) -> Outcome:
    """Coins go from one purse to another."""
    giver = actor(state, context)
    receiver = state.get(Player, event.to.lower())
    if receiver is None:
        raise Rejected("no_such_player", f"Nobody is called {event.to}.")
    if receiver.id == giver.id:
        raise Rejected("no_such_player", "You can't give to yourself.")
    if giver.coins < event.coins:
        raise Rejected("too_few_coins", f"You have only {giver.coins} coins.")
    poorer = replace(giver, coins=giver.coins - event.coins)
    richer = replace(receiver, coins=receiver.coins + event.coins)
    told = Received(by=giver.name, coins=event.coins, total=richer.coins)
    return Outcome(
        result=Given(coins=poorer.coins),
        put=(poorer, richer),
        notifications=(Notification(notice=told, player=receiver.id),),
    )


def _what_is_left(state: State, event: Purse, context: Context) -> Outcome:
    """Say what is in the purse by now, wherever its owner is."""
    return Outcome(result=Given(coins=state.of(Player)[context.player].coins))


@rule(repeat=_what_is_left)
def purse(state: State, event: Purse, context: Context) -> Outcome:
    """What the player has."""
    return Outcome(result=Given(coins=actor(state, context).coins))
