"""What maps show of shops."""

from typing import ClassVar

from gameserver.game import MapObject, Marker
from gameserver.modules.shops.goods import SHOPS


class Shop(MapObject, frozen=True):
    """A shop of the data file: whoever is in its zone may trade there."""

    colour: ClassVar[str] = "gold"
    shop: str

    def marker(self) -> Marker:
        """Return what maps show of it."""
        return Marker(SHOPS[self.shop].title, self.shop)

    def problem(self) -> str:
        """A shop that the data file does not have."""
        return "" if self.shop in SHOPS else f"is of unknown shop {self.shop!r}, expected one of {', '.join(SHOPS)}"
