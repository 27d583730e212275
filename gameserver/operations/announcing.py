"""Tell all players what an operator types: an event in the outbox, from where the sweep sends it to the queue."""

from secrets import token_hex

import msgspec

from gameserver.declare import catalogue
from gameserver.errors import Rejected
from gameserver.messages.envelope import Envelope
from gameserver.rules.outcome import Waiting
from gameserver.store import Store

EVENT = "announce"


def announce(store: Store, text: str, now_ms: int) -> str:
    """Tell everybody. Returns the event's id: once there is a worker again, it is applied once.

    Raises ``Rejected``: ``not_announceable`` for a text that is empty or too long, ``no_announcements`` in a game
    without the module ``world``.
    """
    kind = catalogue.events().get(EVENT)
    if kind is None or kind.spec.origin != "server":
        raise Rejected("no_announcements", "This game has no event world.announce: it leaves out the module world.")
    try:
        event = msgspec.convert({"text": " ".join(text.split())}, kind)
    except msgspec.ValidationError as error:
        raise Rejected("not_announceable", f"Nobody was told: {error}.") from error
    envelope = Envelope(id=f"announce-{token_hex(8)}", event=event, at_ms=now_ms, in_outbox=True)
    with store.transaction() as transaction:
        transaction.add_waiting([Waiting(envelope.id, "event", "", msgspec.json.encode(envelope))], now_ms, now_ms)
    return envelope.id
