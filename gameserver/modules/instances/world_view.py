"""How a client's view of the world follows instances."""

from gameserver.game import Packet, View, follows
from gameserver.modules.movement.world_view import arrive


@follows("enter")
@follows("depart")
def passed(view: View, event: Packet, data: Packet) -> None:
    """I stand in another zone."""
    arrive(view, data)


@follows("putback")
def put_back(view: View, notice: Packet) -> None:
    """I stand outside again."""
    arrive(view, notice)
