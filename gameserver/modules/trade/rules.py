"""Trade: coins leave one purse as they come into another, in one outcome, so that none are made or lost."""

from msgspec.structs import replace

from gameserver.game import Context, Needs, Notification, Outcome, Rejected, State, ids, mail_count, rule
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import actor, player_id
from gameserver.modules.trade import events
from gameserver.modules.trade.entities import Purse
from gameserver.modules.trade.events import Give, Given, Received


def _needs_receiver(event: Give, context: Context) -> Needs:
    receiver = player_id(event.to)
    return ids(Player, receiver), ids(Purse, receiver), mail_count(receiver)


@rule(needs=_needs_receiver, components=(Purse,))
def give(state: State, event: Give, context: Context) -> Outcome:
    """Coins go from one purse to another."""
    giver = actor(state, context)
    receiver = state.get(Player, player_id(event.to))
    if receiver is None:
        raise Rejected("no_such_player", f"Nobody is called {event.to}.")
    if receiver.id == giver.id:
        raise Rejected("no_such_player", "You can't give to yourself.")
    purses = state.of(Purse)
    mine, theirs = purses[giver.id], purses[receiver.id]
    if mine.coins < event.coins:
        raise Rejected("too_few_coins", f"You have only {mine.coins} coins.")
    poorer = replace(mine, coins=mine.coins - event.coins, coins_given=mine.coins_given + event.coins)
    richer = replace(theirs, coins=theirs.coins + event.coins)
    told = Received(by=giver.name, coins=event.coins, total=richer.coins)
    return Outcome(
        result=Given(coins=poorer.coins),
        put=(poorer, richer),
        notifications=(Notification(notice=told, player=receiver.id),),
    )


def _what_is_left(state: State, event: events.Purse, context: Context) -> Outcome:
    """Say what is in the purse by now, wherever its owner is."""
    return Outcome(result=Given(coins=state.of(Purse)[context.player].coins))


@rule(repeat=_what_is_left, components=(Purse,))
def purse(state: State, event: events.Purse, context: Context) -> Outcome:
    """What the player has."""
    return Outcome(result=Given(coins=state.of(Purse)[actor(state, context).id].coins))
