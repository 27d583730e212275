"""What maps show of markets."""

from gameserver.game import MapObject, Marker


class Stall(MapObject, frozen=True):
    """A market's stall: whoever is in its zone may use the market, which is one for the whole world."""

    def marker(self) -> Marker:
        """Return what maps show of it."""
        return Marker("Market")
