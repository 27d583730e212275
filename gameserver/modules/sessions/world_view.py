"""How a client's view of the world begins: who and where I am."""

from gameserver.declare.following import Packet, View, follows
from gameserver.modules.movement.world_view import arrive

NOT_MINE = frozenset({"player", "session", "seq"})  # what an entrance tells beside who and where I am


@follows("register")
@follows("login")
@follows("resume")
def entered(view: View, event: Packet, data: Packet) -> None:
    """I am in the world, here."""
    arrive(view, data)
    view.me |= {key: value for key, value in data.items() if key not in NOT_MINE}
    view.me["id"] = data["player"]
