"""Letters on their way. The things in them are in the mail of their receiver, by their holder."""

import msgspec

from gameserver.game import Entity, Index, entity


@entity(indexes=("receiver", Index(("at_ms",), name="at")), big=("coins",))
class Letter(Entity, frozen=True):
    """A letter that was not opened yet. ``things``: ids of what is in it, as JSON; ``returned``: 1 on its way back.

    ``at_ms``: since when it has been waiting.
    """

    id: str
    receiver: str
    sender: str
    text: str
    things: str = "[]"
    coins: int = 0
    at_ms: int = 0
    returned: int = 0

    @property
    def enclosed(self) -> list[str]:
        """The ids of what is in it."""
        return msgspec.json.decode(self.things, type=list[str])
