"""What is kept of instances. Times are milliseconds since 1970, 0 for never."""

import msgspec

from gameserver.game import Entity, entity, test

ALL = "*"
OPEN, CLOSING, ENDED = 0, 1, 2  # what ``Instance.closing`` says
Spot = tuple[str, int, int]  # a zone, and a tile of it


@entity()
class Opening(Entity, frozen=True):
    """The number of the last instance that was opened. Its one row (``ALL``) is locked by whoever enters one.

    So two who enter at the same time open one, and there are never more than the limit says.
    """

    id: str
    last: int = 0


@entity(indexes=("template",), conditions={"open": test("closing", "==", OPEN)})
class Instance(Entity, frozen=True):
    """A zone that was opened, and is remembered for a while after its end. ``id`` is the zone's name.

    ``owner``: the group whose it is, or the player who was in none; ``gate_...``: where the first one entered.
    ``ends_ms``: when it ends, or has ended; ``empty_ms``: since when nobody has been in it, or when it was last
    emptied; ``closing``: ``OPEN``; ``CLOSING`` once it is decided that it ends: nobody enters any more, and nothing
    stirs; ``ENDED`` once it was emptied.
    ``visitors``: who entered and has not left, whether in the world or not, each with the tile where it stood: JSON.
    """

    id: str
    template: str
    owner: str
    gate_zone: str
    gate_x: int
    gate_y: int
    ends_ms: int
    empty_ms: int = 0
    closing: int = 0
    visitors: str = "{}"

    @property
    def came_from(self) -> dict[str, Spot]:
        """Where each visitor stood before."""
        return _read(self.visitors)

    @property
    def gate(self) -> Spot:
        """Where the first one entered."""
        return self.gate_zone, self.gate_x, self.gate_y


_read = msgspec.json.Decoder(dict[str, Spot]).decode


def as_visitors(came_from: dict[str, Spot]) -> str:
    """The text of ``visitors``."""
    return msgspec.json.encode(came_from, order="sorted").decode()
