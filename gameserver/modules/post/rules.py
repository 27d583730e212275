"""Letters: what is sent is in the receiver's mail in the same outcome, and out of it when the letter is opened."""

import msgspec
from msgspec.structs import replace

from gameserver.game import (
    Context,
    Listing,
    Needs,
    Notification,
    Outcome,
    Rejected,
    State,
    awaited,
    ids,
    mail_count,
    portion,
    rule,
    where,
)
from gameserver.modules.chat.rules import clean
from gameserver.modules.items import carriers
from gameserver.modules.items.entities import Item
from gameserver.modules.items.things import held, mine, placed, portable, received, rows_of, shown
from gameserver.modules.post.entities import Letter
from gameserver.modules.post.events import (
    LETTERS_MAX,
    Letters,
    Mailbag,
    Opened,
    OpenLetter,
    Post,
    Posted,
    ReturnLetter,
    Sent,
    SortMail,
    Unopened,
)
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import actor, player_id
from gameserver.modules.trade.entities import Purse

WAITS_MS = 30 * 24 * 3_600_000  # then it goes back
RETURNED_MAX = 100  # in one turn; the rest comes with the next


def mail_of(player: str) -> str:
    """The place of what is in the letters that wait for a player."""
    return f"mail:{player}"


def _needs_receiver(event: Post, context: Context) -> Needs:
    receiver = player_id(event.to)
    return (
        ids(Player, receiver),
        ids(Letter, context.id),
        where(Letter, receiver=receiver),
        *rows_of(context.player),
        mail_count(receiver),
    )


@rule(needs=_needs_receiver, components=(*carriers.PARTS, Purse))
def post(state: State, event: Post, context: Context) -> Outcome:
    """It waits for the receiver, who is told."""
    sender = carriers.standing(state, context)
    receiver = carriers.other(state, sender, event.to)
    things = [portable(mine(state, sender.id, id_)) for id_ in dict.fromkeys(event.things)]
    purse = state.of(Purse)[sender.id]
    if purse.coins < event.coins:
        raise Rejected("too_few_coins", f"You have only {purse.coins} coins.")
    if len(waiting(state, receiver.id)) >= LETTERS_MAX:
        raise Rejected("too_many_letters", f"{receiver.name} has {LETTERS_MAX} letters to open first.")
    letter = Letter(
        id=context.id,
        receiver=receiver.id,
        sender=sender.name,
        text=clean(event.text),
        things=msgspec.json.encode([thing.id for thing in things]).decode(),
        coins=event.coins,
        at_ms=context.now_ms,
    )
    lighter = replace(purse, coins=purse.coins - event.coins)
    return Outcome(
        result=Sent(letter=letter.id, coins=lighter.coins),
        put=(letter, lighter, *(placed(thing, mail_of(receiver.id)) for thing in things)),
        notifications=(Notification(notice=Posted(by=sender.name), player=receiver.id),),
    )


def waiting(state: State, player: str) -> list[Letter]:
    """The letters that wait for a player, oldest first."""
    found = [letter for letter in state.of(Letter).values() if letter.receiver == player]
    return sorted(found, key=lambda letter: (letter.at_ms, letter.id))


def _unopened(state: State, letter: Letter) -> Unopened:
    things = [shown(item) for id_ in letter.enclosed if (item := state.get(Item, id_))]
    return Unopened(
        id=letter.id,
        by=letter.sender,
        text=letter.text,
        things=things,
        coins=letter.coins,
        at_ms=letter.at_ms,
        returned=bool(letter.returned),
    )


def _what_waits(state: State, event: Letters, context: Context) -> Outcome:
    return Outcome(result=Mailbag(letters=[_unopened(state, letter) for letter in waiting(state, context.player)]))


@rule(
    needs=lambda event, context: (where(Letter, receiver=context.player), *rows_of(mail_of(context.player))),
    repeat=_what_waits,
)
def letters(state: State, event: Letters, context: Context) -> Outcome:
    """What waits for a player."""
    actor(state, context)
    return _what_waits(state, event, context)


def _needs_letter(event: OpenLetter, context: Context) -> Needs:
    return (ids(Letter, event.letter), *rows_of(context.player, mail_of(context.player)))


@rule(needs=_needs_letter, components=(*carriers.PARTS, Purse))
def openletter(state: State, event: OpenLetter, context: Context) -> Outcome:
    """What is in it is the receiver's, all of it or nothing."""
    player = carriers.standing(state, context)
    letter = state.get(Letter, event.letter)
    if letter is None or letter.receiver != player.id:
        raise Rejected("no_such_letter", "No such letter waits for you.")
    things = [item for id_ in letter.enclosed if (item := state.get(Item, id_))]
    moved = received(held(state, player.id), things, player.id)
    purse = state.of(Purse)[player.id]
    heavier = replace(purse, coins=purse.coins + letter.coins)
    return Outcome(
        result=Opened(things=[shown(item) for item in things], coins=heavier.coins),
        put=(heavier, *moved.put),
        drop=(letter, *moved.drop),
    )


OLDEST: Listing[Letter] = portion(Letter, RETURNED_MAX, "at_ms", 0)


@rule(needs=lambda event, context: (OLDEST,))
def sortmail(state: State, event: SortMail, context: Context) -> Outcome:
    """Each letter that waited for too long goes back by an event of its own, which locks it."""
    due = [letter for letter in state.found(OLDEST) if _waited(letter, context.now_ms)]
    return Outcome(
        events=tuple(ReturnLetter(letter=one.id, receiver=one.receiver, sender=one.sender.lower()) for one in due)
    )


def _waited(letter: Letter, now_ms: int) -> bool:
    return not awaited(letter.at_ms + WAITS_MS, now_ms, WAITS_MS)


def _needs_both_boxes(event: ReturnLetter, context: Context) -> Needs:
    return (
        ids(Player, event.sender),
        ids(Letter, event.letter),
        where(Letter, receiver=event.sender),
        *rows_of(mail_of(event.receiver)),
        mail_count(event.sender),
    )


@rule(needs=_needs_both_boxes)
def returnletter(state: State, event: ReturnLetter, context: Context) -> Outcome:
    """It waits for its sender; once more where it is, if it came back already or the sender's box is full."""
    letter = state.get(Letter, event.letter)
    if letter is None or letter.receiver != event.receiver or not _waited(letter, context.now_ms):
        return Outcome()
    later = replace(letter, at_ms=context.now_ms)
    if letter.returned or event.sender not in state.of(Player) or len(waiting(state, event.sender)) >= LETTERS_MAX:
        return Outcome(put=(later,))
    things = [item for id_ in letter.enclosed if (item := state.get(Item, id_))]
    return Outcome(
        put=(
            replace(later, receiver=event.sender, returned=1),
            *(placed(item, mail_of(event.sender)) for item in things),
        ),
        notifications=(Notification(notice=Posted(by=letter.sender), player=event.sender),),
    )
