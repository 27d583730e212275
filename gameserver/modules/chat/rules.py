"""Chat: who hears what. Text keeps its Unicode and loses what could break a terminal or fake another's line."""

import unicodedata

from gameserver.game import (
    Context,
    Listing,
    Needs,
    Notification,
    Outcome,
    Rejected,
    SessionUpdate,
    State,
    count,
    ids,
    mail_count,
    newest,
    rule,
    values,
    where,
)
from gameserver.modules.chat.entities import LINES_KEPT, ChatLine, Membership
from gameserver.modules.chat.events import Heard, Join, Joined, Leave, Line, Online, Say, Shout, Talk, Whisper, Who
from gameserver.modules.movement.bodies import actors_body
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import cell_of, zone_topic
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import actor, check_mailbox, player_id

CHANNELS_MAX = 20
ONLINE_NAMES_MAX = 200

ONLINE_NAMES = values(Player, "name", ONLINE_NAMES_MAX, when="present")
ONLINE_COUNT = count(Player, when="present")

_CONTROL = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_UNSEEN = frozenset({"Cf", "Zs"})
# Letters and marks that show nothing (Unicode's Default_Ignorable_Code_Point beside _UNSEEN), and empty braille.
_BLANK = frozenset(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164, *range(0xFE00, 0xFE10)))
) | {"\uffa0"}
_SELECTORS = range(0xE0100, 0xE01F0)  # of variants: they show nothing by themselves
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """The text without control characters and direction overrides. Raises ``Rejected`` ``empty_text``."""
    kept = "".join(c for c in text if unicodedata.category(c) not in _CONTROL and c not in _BIDI).strip()
    if all(_shows_nothing(c) for c in kept):
        raise Rejected("empty_text", "There is nothing to say.")
    return kept


def _shows_nothing(c: str) -> bool:
    return c in _BLANK or ord(c) in _SELECTORS or unicodedata.category(c) in _UNSEEN


@rule(components=(Body,))
def say(state: State, event: Say, context: Context) -> Outcome:
    """Heard by all who see the speaker."""
    speaker = actor(state, context)
    heard = Heard(how="say", by=speaker.name, text=clean(event.text), at_ms=context.now_ms)
    return Outcome(notifications=(Notification(notice=heard, to=(cell_of(actors_body(state, context)),)),))


@rule(components=(Body,))
def shout(state: State, event: Shout, context: Context) -> Outcome:
    """Heard in the whole zone."""
    speaker = actor(state, context)
    heard = Heard(how="shout", by=speaker.name, text=clean(event.text), at_ms=context.now_ms)
    return Outcome(notifications=(Notification(notice=heard, to=(zone_topic(actors_body(state, context).zone),)),))


def _needs_hearer(event: Whisper, context: Context) -> Needs:
    hearer = player_id(event.to)
    return ids(Player, hearer), mail_count(hearer)


@rule(needs=_needs_hearer)
def whisper(state: State, event: Whisper, context: Context) -> Outcome:
    """Heard by one player, now or at the next login."""
    speaker = actor(state, context)
    hearer = state.get(Player, player_id(event.to))
    if hearer is None:
        raise Rejected("no_such_player", f"Nobody is called {event.to}.")
    if hearer.id == speaker.id:
        raise Rejected("no_such_player", "You can't whisper to yourself.")
    check_mailbox(state, hearer)
    heard = Heard(how="whisper", by=speaker.name, text=clean(event.text), at_ms=context.now_ms)
    return Outcome(notifications=(Notification(notice=heard, player=hearer.id),))


def channel_topic(channel: str) -> str:
    """What the members of a channel watch."""
    return f"channel.{channel}"


def history(channel: str) -> Listing[ChatLine]:
    """Select the last lines of a channel."""
    return newest(ChatLine, LINES_KEPT, "at_ms", channel=channel)


def _needs_channel(event: Join, context: Context) -> Needs:
    return where(Membership, player=context.player), history(event.channel)


def _needs_memberships(event: Leave | Talk, context: Context) -> Needs:
    return (where(Membership, player=context.player),)


def memberships(state: State, player: str) -> dict[str, Membership]:
    """A player's memberships by channel, as far as they were loaded."""
    return {m.channel: m for m in state.of(Membership).values() if m.player == player}


def watch_channels(channels: set[str]) -> SessionUpdate:
    """Let a connection hear these channels, and no others."""
    return SessionUpdate(watch={"channels": tuple(channel_topic(c) for c in sorted(channels))})


@rule(needs=_needs_channel)
def join(state: State, event: Join, context: Context) -> Outcome:
    """Hear a channel from now on, and its last lines."""
    player = actor(state, context)
    mine = memberships(state, player.id)
    if event.channel not in mine and len(mine) >= CHANNELS_MAX:
        raise Rejected("too_many_channels", f"You are in {CHANNELS_MAX} channels already.")
    member = Membership(id=f"{event.channel}/{player.id}", channel=event.channel, player=player.id)
    lines = [Line(by=line.by, text=line.text, at_ms=line.at_ms) for line in state.found(history(event.channel))]
    return Outcome(
        result=Joined(channel=event.channel, history=lines),
        put=(member,),
        follow=watch_channels({*mine, event.channel}),
    )


@rule(needs=_needs_memberships)
def leave(state: State, event: Leave, context: Context) -> Outcome:
    """Hear a channel no longer."""
    mine = memberships(state, actor(state, context).id)
    if event.channel not in mine:
        raise Rejected("not_a_member", f"You are not in {event.channel}.")
    return Outcome(drop=(mine[event.channel],), follow=watch_channels({*mine} - {event.channel}))


@rule(needs=_needs_memberships)
def talk(state: State, event: Talk, context: Context) -> Outcome:
    """Heard by a channel's members, and kept among its last lines."""
    speaker = actor(state, context)
    if event.channel not in memberships(state, speaker.id):
        raise Rejected("not_a_member", f"You are not in {event.channel}.")
    text = clean(event.text)
    line = ChatLine(id=context.id, channel=event.channel, by=speaker.name, text=text, at_ms=context.now_ms)
    heard = Heard(how="channel", channel=event.channel, by=speaker.name, text=text, at_ms=context.now_ms)
    return Outcome(put=(line,), notifications=(Notification(notice=heard, to=(channel_topic(event.channel),)),))


@rule(needs=lambda event, context: (ONLINE_NAMES, ONLINE_COUNT))
def who(state: State, event: Who, context: Context) -> Outcome:
    """Who is in the world."""
    actor(state, context)
    return Outcome(result=Online(names=list(state.values(ONLINE_NAMES)), count=state.count(ONLINE_COUNT)))
