"""What maps show of markets."""

from gameserver.game import MapObject


class Stall(MapObject, frozen=True):
    """A market's stall: whoever is in its zone may use the market, which is one for the whole world."""
