"""What maps show of shops."""

from gameserver.game import MapObject
from gameserver.modules.shops.goods import SHOPS


class Shop(MapObject, frozen=True):
    """A shop of the data file: whoever is in its zone may trade there."""

    shop: str

    def problem(self) -> str:
        """A shop that the data file does not have."""
        return "" if self.shop in SHOPS else f"is of unknown shop {self.shop!r}, expected one of {', '.join(SHOPS)}"
