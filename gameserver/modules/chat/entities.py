"""What is kept of channels: who is in them, and what was said last."""

from gameserver.game import Entity, Index, Keep, entity

LINES_KEPT = 50
LINE_KEPT_MS = 30 * 24 * 3_600_000


@entity(indexes=("player", "channel"))
class Membership(Entity, frozen=True):
    """A player in a channel. ``id``: ``channel/player``."""

    id: str
    channel: str
    player: str


@entity(
    blind="named after the event that said it, which nobody else writes",
    indexes=(Index(("channel", "at_ms"), name="channel"), Index(("at_ms",), name="at")),
    keep=Keep(by="at_ms", newest=LINES_KEPT, per="channel", for_ms=LINE_KEPT_MS, along=Membership),
)
class ChatLine(Entity, frozen=True):
    """A line in a channel's history. ``id`` is that of the event that said it."""

    id: str
    channel: str
    by: str
    text: str
    at_ms: int
