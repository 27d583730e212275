"""Dead letters for game masters: seeing what was given up, and giving it another chance.

A replay puts the event into the outbox, from where the sweep sends it: it is applied once, as long as its row is there,
on the world as it stands by then, and under the rules of that day. Who is not in the world is waited for.
"""

import msgspec
from msgspec.structs import replace

from gameserver.errors import Rejected
from gameserver.events.envelope import Envelope
from gameserver.rules.outcome import Waiting
from gameserver.store import DeadLetter, Store

_read = msgspec.json.Decoder(Envelope).decode


def replay(store: Store, id_: str, now_ms: int) -> str:
    """Give a dead letter back to the queue. Returns the new event's id. Raises ``Rejected`` ``no_such_letter``."""
    with store.transaction() as transaction:
        letter = transaction.take_dead(id_)
        if letter is None:
            raise _unknown(id_)
        envelope = revived(letter, now_ms)
        transaction.add_waiting([Waiting(envelope.id, "event", "", msgspec.json.encode(envelope))], now_ms, now_ms)
    return envelope.id


def revived(letter: DeadLetter, now_ms: int) -> Envelope:
    """A dead event as a new one: of its player, of today, and of no session, whose lane went on long ago."""
    envelope = _read(letter.envelope)
    return Envelope(
        id=f"{envelope.id}/replay",
        event=replace(envelope.event, seq=0),
        at_ms=now_ms,
        player=envelope.player,
        kept=True,
    )


def drop(store: Store, id_: str) -> None:
    """Forget a dead letter. Raises ``Rejected`` ``no_such_letter``."""
    with store.transaction() as transaction:
        if transaction.take_dead(id_) is None:
            raise _unknown(id_)


def _unknown(id_: str) -> Rejected:
    return Rejected("no_such_letter", f"There is no dead letter {id_}.")
