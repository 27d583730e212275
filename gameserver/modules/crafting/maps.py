"""What maps show of workshops."""

from typing import ClassVar

from gameserver.game import MapObject, Marker
from gameserver.modules.crafting.recipes import WORKSHOPS


class Workshop(MapObject, frozen=True):
    """A place to make things: whoever is in its zone may use it."""

    colour: ClassVar[str] = "darkorange"
    kind: str

    def marker(self) -> Marker:
        """Return what maps show of it."""
        return Marker(self.kind.title(), self.kind)

    def problem(self) -> str:
        """A kind of workshop that no recipe can name."""
        return (
            ""
            if self.kind in WORKSHOPS
            else f"is of unknown kind {self.kind!r}, expected one of {', '.join(WORKSHOPS)}"
        )
