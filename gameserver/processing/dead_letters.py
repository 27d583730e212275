"""Dead letters for game masters: seeing what was given up, and giving it another chance.

A replay puts the event into the outbox, from where the sweep sends it: it is applied once, as long as its row is there,
on the world as it stands by then, and under the rules of that day. It waits until its player is in the world. An event
that mattered only in its moment, or that was about a connection that is gone, is refused: it can only be dropped.
"""

from traceback import format_exception

import msgspec
from msgspec.structs import replace

from gameserver.declare.base import Spec
from gameserver.errors import Rejected
from gameserver.messages.envelope import Envelope
from gameserver.rules.outcome import Waiting
from gameserver.store import DeadLetter, Store
from gameserver.store.unread_rows import FAMILY as OUTBOX

CAUSE_CHARS_MAX = 1_000
TRACEBACK_CHARS_MAX = 20_000
LEFT_OUT = "\n[...]\n"

_read = msgspec.json.Decoder(Envelope).decode


def letter_of(envelope: Envelope, cause: BaseException, attempts: int, now_ms: int) -> DeadLetter:
    """An event that is given up, with a cause of whatever content made fit to be kept."""
    return DeadLetter(
        id=envelope.id,
        family=envelope.event.spec.family,
        event=envelope.event.spec.name,
        player=envelope.player,
        attempts=attempts,
        cause=cause_of(cause),
        traceback=traceback_of(cause),
        envelope=msgspec.json.encode(envelope),
        at_ms=envelope.at_ms,
        dead_ms=now_ms,
    )


def cause_of(cause: BaseException) -> str:
    """Return an exception's type and text, whatever its content, fit to be kept and shown."""
    return presentable(_said(cause), CAUSE_CHARS_MAX)


def traceback_of(cause: BaseException, chars_max: int = TRACEBACK_CHARS_MAX) -> str:
    """Return an exception's traceback, its middle left out where it is longer than ``chars_max``."""
    return presentable("".join(format_exception(cause)), chars_max)


def _said(cause: BaseException) -> str:
    try:
        return f"{type(cause).__name__}: {cause}"
    except Exception as error:
        return f"{type(cause).__name__} (whose text can't be had: {type(error).__name__})"


def presentable(text: str, most: int) -> str:
    """The text without what a database refuses, its middle left out where it is longer than ``most``."""
    if len(text) > most:
        half = (most - len(LEFT_OUT)) // 2
        text = text[:half] + LEFT_OUT + text[-half:]
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="backslashreplace").decode()[:most]


def replay(store: Store, id_: str, now_ms: int) -> str:
    """Give a dead letter back to the queue. Returns the new event's id.

    Raises ``Rejected`` ``no_such_letter``, or ``not_replayable`` and the letter stays.
    """
    with store.transaction() as transaction:
        letter = transaction.take_dead(id_)
        if letter is None:
            raise _unknown(id_)
        waiting = _row(letter, now_ms)
        transaction.add_waiting([waiting], now_ms, now_ms)
    return waiting.id


def _row(letter: DeadLetter, now_ms: int) -> Waiting:
    """What is put into the outbox: the event, or the row that nobody could read as it was."""
    if letter.family == OUTBOX:
        return Waiting(letter.id, letter.event, letter.player, letter.envelope)
    envelope = revived(letter, now_ms)
    return Waiting(envelope.id, "event", "", msgspec.json.encode(envelope))


def revived(letter: DeadLetter, now_ms: int) -> Envelope:
    """A dead event as a new one: of its player, of today, and of no session, whose lane went on long ago.

    Raises ``Rejected`` ``not_replayable``.
    """
    try:
        envelope = _read(letter.envelope)
    except msgspec.MsgspecError as error:
        raise Rejected("not_replayable", f"This version can't read {letter.id}: {error}.") from error
    why = why_not(envelope.event.spec)
    if why:
        raise Rejected("not_replayable", f"{letter.id} can't be replayed: {why}.")
    return Envelope(
        id=f"{envelope.id}/replay",
        event=replace(envelope.event, seq=0),
        at_ms=now_ms,
        player=envelope.player,
        in_outbox=True,
    )


def why_not(spec: Spec) -> str:
    """Why events of a type are not replayed, "" when they are."""
    if not spec.durable:
        return f"{spec.task} is worth something only in its moment"
    if spec.secrets or spec.origin == "gateway" or spec.lane == "session":
        return f"{spec.task} speaks of a connection that is gone"
    return ""


def drop(store: Store, id_: str) -> None:
    """Forget a dead letter. Raises ``Rejected`` ``no_such_letter``."""
    with store.transaction() as transaction:
        if transaction.take_dead(id_) is None:
            raise _unknown(id_)


def _unknown(id_: str) -> Rejected:
    return Rejected("no_such_letter", f"There is no dead letter {id_}.")
